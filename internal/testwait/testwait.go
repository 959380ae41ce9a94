// Package testwait waits in tests for what other processes do.
package testwait

import (
	"testing"
	"time"
)

// Patience is far more than anything takes that tests wait for, on a machine
// that is slow and has other things to do: only a test that fails waits so long.
const Patience = 3 * time.Minute

// poll is short for people and long for a processor.
const poll = 20 * time.Millisecond

// For asks ok until it is true; false if it was not for three minutes.
func For(ok func() bool) bool {
	for end := time.Now().Add(Patience); !ok(); time.Sleep(poll) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// Until is For; what is in vain ends the test, by its name ("the app is up").
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !For(ok) {
		t.Fatalf("waited %s in vain until %s", Patience, what)
	}
}
