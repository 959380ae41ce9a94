package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/singleflight"

	"wadi/internal/remove"
	"wadi/internal/sleep"
)

// Store pins sources and gets what pins stand for. It keeps all of that in
// the folder Dir, which may be deleted whenever no wadi runs. It may be used
// by several goroutines and processes at once.
type Store struct {
	Dir string
	// Pause is how long to wait before attempt n (from 1) is repeated; nil =
	// half a second, then twice as long each time.
	Pause func(n int) time.Duration

	once singleflight.Group
}

// Pin is a source, pinned to what it is now.
type Pin struct {
	Address Address
	// Digest is the commit (40 or 64 hex digits) of a repository, and the
	// sha256 of an archive.
	Digest string
	// What says what of a repository was pinned: "branch main", "tag v1",
	// "commit", "default branch"; "" for archives.
	What string
}

// attempts is how often a server is asked: as often as Cloud Foundry's
// downloader does.
const attempts = 4

// Pin finds out what the address is now. A digest (sha256, hex) that is given
// for an archive, or a commit in a repository's address, is taken at its word
// and asks nobody. Errors: *UnreachableError, *SourceError, and ctx's.
func (s *Store) Pin(ctx context.Context, a Address, digest string) (Pin, error) {
	if a.Kind == Git {
		if digest != "" {
			return Pin{}, &SourceError{Shown: a.Shown, Reason: "sha256 is for archives", Fix: "pin a repository with #commit, all digits of it"}
		}
		return shared(ctx, s, "pin "+a.user+" "+a.Shown+" "+a.url+"#"+a.Ref, func() (Pin, error) { return s.pinGit(ctx, a) })
	}
	if digest != "" {
		return Pin{Address: a, Digest: digest}, nil
	}
	return shared(ctx, s, "pin "+a.user+" "+a.Shown+" "+a.url, func() (Pin, error) { return s.pinArchive(ctx, a) })
}

// Fetch gets what a pin stands for and returns the folder that holds it,
// which belongs to the cache: it is only read. Errors: *UnreachableError,
// *SourceError, *archive.EntryError, and ctx's.
func (s *Store) Fetch(ctx context.Context, pin Pin) (dir string, err error) {
	id := pin.Digest
	if pin.Address.Kind == Git { // submodules may lie beside the repository
		sum := sha256.Sum256([]byte(pin.Address.url + "\n" + pin.Digest))
		id = hex.EncodeToString(sum[:])
	}
	return s.tree(ctx, id, func(dir string) error {
		if pin.Address.Kind == Git {
			return s.clone(ctx, pin, dir)
		}
		file, err := s.download(ctx, pin)
		if err != nil {
			return err
		}
		err = unpack(ctx, file, pin.Address.Shown, dir)
		if err == nil {
			_ = os.Remove(file) // what it holds is kept
		}
		return err
	})
}

// Unpack gets what is in an archive on the disk, as Fetch does. If want is
// given it has to be the archive's sha256 (hex).
func (s *Store) Unpack(ctx context.Context, file, want string) (dir string, err error) {
	sum, err := hashFile(ctx, file)
	if err != nil {
		return "", err
	}
	if want != "" && want != sum {
		return "", wrongDigest(file, sum, want)
	}
	return s.tree(ctx, sum, func(dir string) error { return unpack(ctx, file, file, dir) })
}

func wrongDigest(shown, is, want string) error {
	return &SourceError{Shown: shown, Reason: fmt.Sprintf("its sha256 is %s, the files say %s", is, want),
		Fix: "do not use it unless you know why it differs; then write the new digest"}
}

// tree is the folder with the id, which make fills if it is not there yet.
func (s *Store) tree(ctx context.Context, id string, fill func(dir string) error) (string, error) {
	return shared(ctx, s, "tree "+id, func() (string, error) {
		dir := filepath.Join(s.Dir, "trees", id)
		if now := time.Now(); os.Chtimes(dir, now, now) == nil {
			return dir, nil
		}
		s.prune(time.Now().Add(-unusedFor))
		part, err := s.temp("trees")
		if err != nil {
			return "", err
		}
		defer func() { _ = remove.All(part) }() // what stays, prune removes
		if err := fill(part); err != nil {
			return "", err
		}
		if err := allowScripts(part); err != nil {
			return "", fmt.Errorf("cannot make the scripts of the buildpack executable: %w", err)
		}
		if err := os.Rename(part, dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("cannot keep the buildpack in the cache: %w", err)
		}
		return dir, nil
	})
}

// temp makes a new folder in one of the store's.
func (s *Store) temp(kind string) (string, error) {
	if s.Dir == "" {
		return "", errors.New("buildpacks from a repository or an archive need a cache folder: set WADI_CACHE_DIR")
	}
	dir := filepath.Join(s.Dir, kind)
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		dir, err = os.MkdirTemp(dir, ".new-*")
	}
	if err != nil {
		return "", fmt.Errorf("cannot write to the cache: %w: set WADI_CACHE_DIR to a folder that can be written", err)
	}
	return dir, nil
}

// unusedFor is how long what nobody asks for is kept.
const unusedFor = 30 * 24 * time.Hour

// prune removes what was last used before a time; a failure only costs disk.
func (s *Store) prune(before time.Time) {
	for _, kind := range []string{"trees", "archives", "pins"} {
		entries, err := os.ReadDir(filepath.Join(s.Dir, kind))
		if err != nil {
			continue
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
				_ = remove.All(filepath.Join(s.Dir, kind, e.Name()))
			}
		}
	}
}

// shared does something once for all who ask for the same at the same time.
func shared[T any](ctx context.Context, s *Store, key string, do func() (T, error)) (T, error) {
	var none T
	select {
	case r := <-s.once.DoChan(key, func() (any, error) { return do() }):
		if r.Err != nil {
			return none, r.Err
		}
		return r.Val.(T), nil
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

// again does something until it works, or fails in a way that will stay. Who
// has waited for an answer for long enough does not wait again.
func again[T any](ctx context.Context, s *Store, do func() (T, error)) (T, error) {
	for n := 1; ; n++ {
		out, err := do()
		var away *UnreachableError
		var waited net.Error
		if err == nil || n == attempts || ctx.Err() != nil || !errors.As(err, &away) || errors.As(err, &waited) && waited.Timeout() {
			return out, err
		}
		if err := s.pause(ctx, n); err != nil {
			return out, err
		}
	}
}

// pause waits before attempt n is repeated.
func (s *Store) pause(ctx context.Context, n int) error {
	d := 500 * time.Millisecond << (n - 1)
	if s.Pause != nil {
		d = s.Pause(n)
	}
	return sleep.For(ctx, d)
}
