package remote

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// remembered is what an archive was when it was last asked for, and what its
// server wants to hear to say that it still is.
type remembered struct {
	SHA256       string `json:"sha256"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

// pinArchive finds the digest of the archive as it is now. One that has not
// changed, by the word of its server, is not downloaded again.
func (s *Store) pinArchive(ctx context.Context, a Address) (Pin, error) {
	file := s.pinFile(a)
	known := readPin(file)
	header := http.Header{}
	if known.ETag != "" {
		header.Set("If-None-Match", known.ETag)
	} else if known.LastModified != "" {
		header.Set("If-Modified-Since", known.LastModified)
	}
	got, err := again(ctx, s, func() (got, error) { return s.get(ctx, a, header) })
	if err != nil {
		return Pin{}, err
	}
	if got.unchanged && known.SHA256 != "" {
		now := time.Now()
		_ = os.Chtimes(file, now, now) // it is in use: prune leaves it
		return Pin{Address: a, Digest: known.SHA256}, nil
	}
	// A login's page in place of the archive would be pinned else, and staged with.
	if err := checkArchive(s.archiveFile(got.sha256), a.Shown); err != nil {
		return Pin{}, err
	}
	writePin(file, remembered{SHA256: got.sha256, ETag: got.header.Get("ETag"), LastModified: got.header.Get("Last-Modified")})
	return Pin{Address: a, Digest: got.sha256}, nil
}

// download is the file of a pinned archive.
func (s *Store) download(ctx context.Context, pin Pin) (file string, err error) {
	file = s.archiveFile(pin.Digest)
	if sum, err := hashFile(ctx, file); err == nil && sum == pin.Digest {
		return file, nil
	}
	got, err := again(ctx, s, func() (got, error) { return s.get(ctx, pin.Address, nil) })
	if err != nil {
		return "", err
	}
	if got.sha256 != pin.Digest {
		return "", wrongDigest(pin.Address.Shown, got.sha256, pin.Digest)
	}
	return file, nil
}

// Size is how many bytes the archive of a pin has; 0 when it is not kept, as
// after Fetch.
func (s *Store) Size(pin Pin) int64 {
	info, err := os.Stat(s.archiveFile(pin.Digest))
	if err != nil {
		return 0
	}
	return info.Size()
}

func (s *Store) archiveFile(sum string) string { return filepath.Join(s.Dir, "archives", sum) }

// pinFile is where it is kept what an archive was. The query is part of the
// name, as a digest: it may be what tells two archives apart.
func (s *Store) pinFile(a Address) string {
	sum := sha256.Sum256([]byte(a.url))
	return filepath.Join(s.Dir, "pins", hex.EncodeToString(sum[:]))
}

// readPin reads what is remembered, nothing if it cannot be read.
func readPin(file string) remembered {
	var r remembered
	b, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(b, &r) != nil || len(r.SHA256) != 2*sha256.Size {
		return remembered{}
	}
	return r
}

// writePin remembers; where that fails the archive is downloaded again.
func writePin(file string, r remembered) {
	if r.ETag == "" && r.LastModified == "" {
		return
	}
	b, err := json.Marshal(r)
	if err != nil || os.MkdirAll(filepath.Dir(file), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return
	}
	_, err = f.Write(b)
	if err = cmp.Or(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
}

// hashFile is the sha256 (hex) of a file on the disk.
func hashFile(ctx context.Context, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		switch {
		case err == io.EOF:
			return hex.EncodeToString(h.Sum(nil)), nil
		case err != nil:
			return "", err
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		}
	}
}
