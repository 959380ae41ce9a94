// Package flock locks files between processes, as flock(2) does: the kernel
// frees a lock when its holder ends, however it ends. It exists beside
// lockedfile because that can neither try nor be interrupted.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrHeld is what Try answers when another process holds the lock.
var ErrHeld = errors.New("another process holds the lock")

// Mode is shared or exclusive.
type Mode int

const (
	Shared    Mode = unix.LOCK_SH
	Exclusive Mode = unix.LOCK_EX
)

// Lock is a held lock.
type Lock struct{ f *os.File }

// Try takes the lock on the file at path, which is made where it is missing
// (mode 0600, its folder must exist), or answers ErrHeld.
func Try(path string, m Mode) (*Lock, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	err = flock(f, int(m)|unix.LOCK_NB)
	switch {
	case err == nil:
		return &Lock{f}, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		_ = f.Close()
		return nil, ErrHeld
	default:
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
}

// Wait takes the lock, waiting for it as long as ctx lets it.
func Wait(ctx context.Context, path string, m Mode) (*Lock, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	got := make(chan error, 1)
	go func() { got <- flock(f, int(m)) }()
	select {
	case err := <-got:
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return &Lock{f}, nil
	case <-ctx.Done():
		// flock(2) cannot be called off: whenever it answers, let go again.
		go func() { <-got; _ = f.Close() }()
		return nil, fmt.Errorf("wait for the lock %s: %w", path, context.Cause(ctx))
	}
}

// Unlock lets go. The file stays: removing it would let two processes hold
// "the" lock, one on the old file and one on the new.
func (l *Lock) Unlock() error { return l.f.Close() }

func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	return f, nil
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
