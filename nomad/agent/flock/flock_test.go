package flock

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
)

func TestTry(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Try(path, Shared)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Try(path, Shared)
	if err != nil {
		t.Fatalf("shared beside shared: %v", err)
	}
	if _, err := Try(path, Exclusive); !errors.Is(err, ErrHeld) {
		t.Errorf("exclusive beside shared: %v", err)
	}
	if err := errors.Join(first.Unlock(), second.Unlock()); err != nil {
		t.Fatal(err)
	}
	only, err := Try(path, Exclusive)
	if err != nil {
		t.Fatalf("exclusive after all: %v", err)
	}
	if _, err := Try(path, Shared); !errors.Is(err, ErrHeld) {
		t.Errorf("shared beside exclusive: %v", err)
	}
	if err := only.Unlock(); err != nil {
		t.Error(err)
	}
	if _, err := Try(filepath.Join(path, "below a file"), Shared); err == nil || errors.Is(err, ErrHeld) {
		t.Errorf("a folder that is none: %v", err)
	}
	if _, err := Try(filepath.Join(filepath.Dir(path), "no", "lock"), Shared); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	held, err := Wait(t.Context(), path, Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := Wait(ctx, path, Exclusive); !errors.Is(err, stop) {
		t.Errorf("an interrupted wait: %v", err)
	}
	got := make(chan error)
	go func() {
		next, err := Wait(t.Context(), path, Exclusive)
		if err == nil {
			err = next.Unlock()
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("two hold it: %v", err)
	default:
	}
	if err := held.Unlock(); err != nil {
		t.Fatal(err)
	}
	// The interrupted wait may get it first; it lets go at once.
	if err := <-got; err != nil {
		t.Error(err)
	}
}
