package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"

	"wadi/stage"
	"wadi/stage/blob"
	"wadi/stage/lifecycle"
)

// roleVar says what the test binary is to be instead: a client, as a process
// of its own whose time and memory can be told.
const roleVar = "WADI_BENCH_ROLE"

const token = "the-token-of-this-benchmark"

// clientInput is what roleVar has as JSON.
type clientInput struct {
	Dir, Cache string
	URL        string // "" = fingerprint the folder, upload nothing
}

// clientOutput is the last line that a client prints.
type clientOutput struct {
	Files    int
	Bytes    int64
	Blob     string
	Progress blob.Progress
}

func TestMain(m *testing.M) {
	role := os.Getenv(roleVar)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := client(context.Background(), role); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// client does what an apply does of a source: fingerprint, package, upload.
func client(ctx context.Context, role string) error {
	var in clientInput
	if err := json.Unmarshal([]byte(role), &in); err != nil {
		return err
	}
	tree, err := stage.Scan(ctx, in.Dir, stage.ScanOptions{Ignore: true, Cache: in.Cache})
	if err != nil {
		return err
	}
	out := clientOutput{Files: tree.Files, Bytes: tree.Bytes}
	if in.URL != "" {
		r, w := io.Pipe()
		go func() { w.CloseWithError(tree.Package(lifecycle.AppFolder).Write(ctx, w)) }()
		store := &blob.Client{URL: in.URL, Token: func() (string, error) { return token, nil }}
		b, progress, err := store.Upload(ctx, r, nil)
		if err != nil {
			return err
		}
		out.Blob, out.Progress = b.Digest, progress
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}
