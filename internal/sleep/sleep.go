// Package sleep waits, unless there is nothing to wait for any more.
package sleep

import (
	"context"
	"time"
)

// For waits for d, or answers why ctx ended before.
func For(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return context.Cause(ctx)
	}
}
