package server

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// minToken keeps a file that was just created or cut off from being a token
// that can be guessed.
const minToken = 16

// tokenFile is the people's token as a file has it.
type tokenFile struct {
	path string

	mu      sync.Mutex
	size    int64
	changed time.Time
	sum     [sha256.Size]byte // of the token: comparing sums hides its length too
}

func openTokenFile(path string) (*tokenFile, error) {
	f := &tokenFile{path: path}
	if err := f.refresh(); err != nil {
		return nil, err
	}
	return f, nil
}

// refresh reads the file if it changed. The caller holds mu (or is the only one).
func (f *tokenFile) refresh() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("the people's token: %w", err)
	}
	if info.Size() == f.size && info.ModTime().Equal(f.changed) {
		return nil
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("the people's token: %w", err)
	}
	token := bytes.TrimSpace(data)
	if len(token) < minToken {
		return fmt.Errorf("the people's token: %s: %w", f.path, errShortToken)
	}
	f.size, f.changed, f.sum = info.Size(), info.ModTime(), sha256.Sum256(token)
	return nil
}

var errShortToken = errors.New("it has less than 16 characters: write a long random one there")

// matches reports whether token is the people's. A file that cannot be read
// any more, or is being written, leaves the token that was read last.
func (f *tokenFile) matches(token string) (bool, error) {
	sum := sha256.Sum256([]byte(token))
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refresh(); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, errShortToken) {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum[:], f.sum[:]) == 1, nil
}
