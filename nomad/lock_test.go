package nomad

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
)

// A run that stood still for longer than the lock lives may not go on, and is
// told what to do.
func TestLockLost(t *testing.T) {
	t.Parallel()
	l := &Lock{v: &api.Variable{Path: lockPath("shop")}}
	l.renewed.Store(time.Now().Add(time.Hour).UnixNano())
	if err := l.Check(); err != nil {
		t.Errorf("a lock that is held: %v", err)
	}
	l.renewed.Store(time.Now().Add(-lockTTL - time.Nanosecond).UnixNano())
	err := l.Check()
	if !errors.Is(err, ErrLockLost) || !strings.Contains(err.Error(), "wadi/locks/shop: the lock was lost: this run stood still") || !strings.Contains(err.Error(), "`wadi plan`") {
		t.Errorf("error %v", err)
	}
}
