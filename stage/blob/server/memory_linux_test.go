package server

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"wadi/stage/blob"
)

// clientEnv has a store's URL when the test binary is to be a client of it.
const clientEnv = "WADI_TEST_BLOB_CLIENT"

const bigBlob = 256 << 20

func TestMain(m *testing.M) {
	if url := os.Getenv(clientEnv); url != "" {
		if err := transferBigBlob(context.Background(), url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if what := os.Getenv(serverEnv); what != "" {
		if err := serveUntilKilled(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// transferBigBlob uploads and reads back far more than may be in memory.
func transferBigBlob(ctx context.Context, url string) error {
	c := &blob.Client{URL: url, Token: func() (string, error) { return peopleToken, nil }}
	b, _, err := c.Upload(ctx, noise(1, bigBlob), nil)
	if err != nil {
		return err
	}
	r, err := c.Open(ctx, b.Digest)
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if err != nil {
		return err
	}
	if n != bigBlob {
		return fmt.Errorf("read %d bytes of %d", n, bigBlob)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(status)
	return err
}

// peakKiB is the most memory that was resident. (A child's rusage will not
// do: it starts with what its parent had.)
func peakKiB(t *testing.T, status string) int {
	t.Helper()
	_, rest, ok := strings.Cut(status, "VmHWM:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); !ok || err != nil {
		t.Fatalf("no VmHWM in %q: %v", status, err)
	}
	return kib
}

// A task's memory limit is the app's: the client must stay small, whatever
// the size of the droplet. It takes 63 MiB with one processor and 85 with
// many, of which the binary itself has about 20; how much garbage there is at
// the worst is a matter of luck.
func TestTheClientIsSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	t.Parallel()
	f := newFixture(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), clientEnv+"="+f.url)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	const limit = bigBlob >> 20 / 2
	if got := peakKiB(t, string(out)) >> 10; got > limit {
		t.Errorf("%d MiB resident for a blob of %d MiB, want at most %d", got, bigBlob>>20, limit)
	} else {
		t.Logf("%d MiB resident for a blob of %d MiB", got, bigBlob>>20)
	}
}
