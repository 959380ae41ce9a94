package reconcile

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wadi/stage/blob"
	"wadi/stage/blob/server"
	"wadi/stage/lifecycle"
)

// TestSettle: where the plan could not ask the blob store, what it holds
// answers, but for a staging that was asked for anew.
func TestSettle(t *testing.T) {
	t.Parallel()
	blobs := blobStore(t)
	key := strings.Repeat("a", 64)
	droplet, _, err := blobs.Upload(t.Context(), strings.NewReader("a droplet"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := blobs.PutResult(t.Context(), "default", key, 3, mustJSON(lifecycle.Result{Generation: 3, Droplet: droplet.Digest})); err != nil {
		t.Fatal(err)
	}
	lost := strings.Repeat("b", 64)
	if err := blobs.PutResult(t.Context(), "default", lost, 4, mustJSON(lifecycle.Result{Generation: 4, Droplet: strings.Repeat("c", 64)})); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key        string
		restage    bool
		recorded   bool
		known      bool
		generation int
	}{
		"staged before":  {key: key, known: true, generation: 4},
		"asked for anew": {key: key, restage: true, generation: 4},
		"asked for anew, of what the record says": {key: key, restage: true, recorded: true, generation: 4},
		"its droplet is gone":                     {key: lost, generation: 5},
		"never staged":                            {key: strings.Repeat("d", 64), generation: 1},
	} {
		r := testReconciler()
		r.Nomad.Space, r.Blobs, r.Options.Restage = "default", blobs, c.restage
		w := &work{want: desired{App: shop()}, pinned: pinned{StagingKey: c.key}, blind: true, generation: 1, is: observed{ResultErr: errors.New("it does not answer")}}
		if c.recorded {
			w.is = observed{Recorded: true, Generation: 1, Result: &lifecycle.Result{Generation: 1, Droplet: "old"}}
		}
		u := &run{r: r, plan: AppPlan{work: w}}
		if err := u.settle(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if w.generation != c.generation || u.known() != c.known || w.is.Recorded {
			t.Errorf("%s: generation %d, known %v, from the record %v", name, w.generation, u.known(), w.is.Recorded)
		}
		if c.known && w.is.Result.Droplet != droplet.Digest {
			t.Errorf("%s: droplet %s", name, w.is.Result.Droplet)
		}
	}
}

// blobStore is a real blob store on loopback.
func blobStore(t *testing.T) *blob.Client {
	t.Helper()
	dir := t.TempDir()
	const token = "the operators' token of this test" // which may write results, as stagings do
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("the people's token of this test"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	bucket, err := server.OpenDir(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bucket.Close(); err != nil {
			t.Error(err)
		}
	})
	auth, err := server.NewAuth(server.AuthOptions{TokenFile: filepath.Join(dir, "token"), JWKSURL: "http://127.0.0.1:1/",
		OperatorSHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(token)))})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(server.New(server.Options{Bucket: bucket, Auth: auth, Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(s.Close)
	return &blob.Client{URL: s.URL, HTTP: s.Client(), Token: func() (string, error) { return token, nil }}
}
