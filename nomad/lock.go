package nomad

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/sleep"
)

const (
	lockTTL   = 10 * time.Second // Nomad's smallest
	lockDelay = time.Second      // 0 would mean 15 s
)

// ErrLockLost is a lock that somebody else took or that could not be renewed.
var ErrLockLost = errors.New("the lock was lost")

// Lock is a held Variable lock. Nomad frees it 25 s at the latest after its
// holder is gone. It keeps two runs apart; safety rests on compare-and-set.
type Lock struct {
	c      *Client
	v      *api.Variable
	cancel context.CancelFunc
	done   chan struct{}
	lost   atomic.Bool
	// renewed is when the last renewal that worked was sent, in Unix
	// nanoseconds: the wall clock goes on while a machine is suspended.
	renewed atomic.Int64
}

// lockPath is where the lock of an app is.
func lockPath(jobID string) string { return "wadi/locks/" + jobID }

// Acquire takes the lock of an app, waiting for another holder to end;
// onWait is called once, with who holds it, before it waits.
func (c *Client) Acquire(ctx context.Context, jobID, holder string, onWait func(holder string)) (*Lock, error) {
	path := lockPath(jobID)
	for waited := false; ; {
		v, _, err := c.API.Variables().AcquireLock(&api.Variable{
			Namespace: c.Space, Path: path, Items: map[string]string{"holder": holder, "since": time.Now().UTC().Format(time.RFC3339)},
			Lock: &api.VariableLock{TTL: lockTTL.String(), LockDelay: lockDelay.String()},
		}, c.write(ctx))
		var conflict api.ErrCASConflict
		switch {
		case err == nil:
			return c.hold(v), nil
		case errors.As(err, &conflict) || StatusOf(err) == http.StatusConflict || strings.Contains(err.Error(), api.ErrLockConflict.Error()):
			if !waited {
				waited = true
				if onWait != nil {
					onWait(c.lockHolder(ctx, path))
				}
			}
		default:
			return nil, c.wrap("take the lock "+path+" in space "+c.Space, err)
		}
		if err := sleep.For(ctx, 500*time.Millisecond); err != nil {
			return nil, fmt.Errorf("gave up waiting for the lock %s: %w", path, err)
		}
	}
}

func (c *Client) lockHolder(ctx context.Context, path string) string {
	v, err := c.ReadVariable(ctx, path)
	if err != nil || v.Items["holder"] == "" {
		return "somebody else"
	}
	if since := v.Items["since"]; since != "" {
		return v.Items["holder"] + ", since " + since
	}
	return v.Items["holder"]
}

func (c *Client) hold(v *api.Variable) *Lock {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Lock{c: c, v: v, cancel: cancel, done: make(chan struct{})}
	l.renewed.Store(time.Now().UnixNano())
	go l.renew(ctx)
	return l
}

func (l *Lock) renew(ctx context.Context) {
	defer close(l.done)
	for sleep.For(ctx, lockTTL/4) == nil {
		sent := time.Now()
		rctx, cancel := context.WithTimeout(ctx, lockTTL/4)
		_, _, err := l.c.API.Variables().RenewLock(l.v, l.c.write(rctx))
		cancel()
		if err == nil {
			l.renewed.Store(sent.UnixNano())
		} else if ctx.Err() == nil && (StatusOf(err) == http.StatusConflict || l.stale()) {
			l.lost.Store(true)
			return
		}
	}
}

func (l *Lock) stale() bool { return time.Now().UnixNano()-l.renewed.Load() > int64(lockTTL) }

// Check is nil while the lock is held.
func (l *Lock) Check() error {
	if l.lost.Load() || l.stale() {
		return fmt.Errorf("%s: %w: this run stood still (a machine asleep, a stopped process) or could not reach Nomad for more than %s, and another may have taken over; what was done stays, and `wadi plan` says what is left to do",
			l.v.Path, ErrLockLost, lockTTL)
	}
	return nil
}

// Release frees the lock and removes its Variable.
func (l *Lock) Release(ctx context.Context) error {
	l.cancel()
	<-l.done
	if l.lost.Load() {
		return nil
	}
	freed, _, err := l.c.API.Variables().ReleaseLock(&api.Variable{
		Namespace: l.v.Namespace, Path: l.v.Path, Lock: &api.VariableLock{ID: l.v.LockID()}, // Nomad takes no items here
	}, l.c.write(ctx))
	if err != nil {
		return l.c.wrap("free the lock "+l.v.Path, err)
	}
	// Another run may hold it by now: then it stays, which is right.
	_, err = l.c.API.Variables().CheckedDelete(l.v.Path, freed.ModifyIndex, l.c.write(ctx))
	var taken api.ErrCASConflict
	if errors.As(err, &taken) || StatusOf(err) != 0 {
		return nil
	}
	return l.c.wrap("remove the lock "+l.v.Path, err)
}
