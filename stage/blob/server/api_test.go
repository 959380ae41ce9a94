package server

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"wadi/stage/blob"
)

func encoded(t *testing.T, data []byte) []byte {
	t.Helper()
	e, err := blob.EncodeChunk(nil, data)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestChunks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	data := []byte("a chunk")
	digest, wire := sum(data), encoded(t, []byte("a chunk"))
	path := "/v1/chunks/" + digest

	if status, answer := f.request(t, "GET", path, nil); status != http.StatusNotFound || !strings.Contains(answer, digest) {
		t.Errorf("before: %d %s", status, answer)
	}
	for _, bad := range []struct {
		name, path string
		body       []byte
		want       int
	}{
		{"other content", path, encoded(t, []byte("another")), http.StatusUnprocessableEntity},
		{"not compressed", path, data, http.StatusUnprocessableEntity},
		{"nothing", path, nil, http.StatusUnprocessableEntity},
		{"too much", path, make([]byte, blob.MaxEncodedChunk+1), http.StatusRequestEntityTooLarge},
		{"far too much", path, make([]byte, 8<<20), http.StatusRequestEntityTooLarge},
		{"upper case", "/v1/chunks/" + strings.ToUpper(digest), wire, http.StatusBadRequest},
		{"not a digest", "/v1/chunks/x", wire, http.StatusBadRequest},
		{"dots", "/v1/chunks/..%2f..%2fetc%2fpasswd", wire, http.StatusBadRequest},
	} {
		status, answer := f.request(t, "PUT", bad.path, bytes.NewReader(bad.body))
		var failure blob.Failure
		if err := json.Unmarshal([]byte(answer), &failure); err != nil || status != bad.want || failure.Error == "" {
			t.Errorf("%s: %d %q, want %d and a reason", bad.name, status, answer, bad.want)
		}
	}
	if files := f.stored(t, "chunks"); len(files) != 0 {
		t.Errorf("refused chunks left %v", files)
	}

	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if status, answer := f.request(t, "PUT", path, bytes.NewReader(wire)); status != http.StatusCreated {
				t.Errorf("PUT: %d %s", status, answer)
			}
		})
	}
	all.Wait()
	if files := f.stored(t, "chunks"); len(files) != 1 {
		t.Errorf("eight writes of one chunk left %v", files)
	}
	for _, query := range []string{"", "?verify=1"} {
		if status, answer := f.request(t, "GET", path+query, nil); status != http.StatusOK || answer != string(wire) {
			t.Errorf("GET %s: %d, %d bytes", query, status, len(answer))
		}
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	there, a, b := sum([]byte("there")), sum([]byte("a")), sum([]byte("b"))
	if status, answer := f.request(t, "PUT", "/v1/chunks/"+there, bytes.NewReader(encoded(t, []byte("there")))); status != http.StatusCreated {
		t.Fatalf("PUT: %d %s", status, answer)
	}
	ask := func(v any) (int, string) {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return f.request(t, "POST", "/v1/missing", bytes.NewReader(body))
	}
	if status, answer := ask([]string{b, there, a, b}); status != http.StatusOK || strings.TrimSpace(answer) != `["`+b+`","`+a+`"]` {
		t.Errorf("answer %d %s", status, answer)
	}
	if status, answer := ask([]string{there}); status != http.StatusOK || strings.TrimSpace(answer) != "[]" {
		t.Errorf("nothing is missing: %d %s", status, answer)
	}
	if status, _ := ask(slices.Repeat([]string{a}, blob.MaxAsk)); status != http.StatusOK {
		t.Errorf("as many as may be asked: %d", status)
	}
	if status, _ := ask(slices.Repeat([]string{a}, blob.MaxAsk+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("one more: %d", status)
	}
	if status, _ := ask(slices.Repeat([]string{a}, 4*blob.MaxAsk)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body without end: %d", status)
	}
	if status, _ := ask([]string{"../x"}); status != http.StatusBadRequest {
		t.Errorf("not a digest: %d", status)
	}
	if status, _ := ask("x"); status != http.StatusBadRequest {
		t.Errorf("not an array: %d", status)
	}
}

func TestCommitNeedsAllChunks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, b := []byte("a"), []byte("b")
	list := blob.List{Chunks: []blob.Chunk{{Digest: sum(a), Size: 1}, {Digest: sum(b), Size: 1}}}
	path := "/v1/blobs/" + list.Blob().Digest
	if status, answer := f.request(t, "PUT", "/v1/chunks/"+sum(a), bytes.NewReader(encoded(t, a))); status != http.StatusCreated {
		t.Fatalf("PUT: %d %s", status, answer)
	}
	status, answer := f.request(t, "PUT", path, bytes.NewReader(list.Encode()))
	var failure blob.Failure
	if err := json.Unmarshal([]byte(answer), &failure); err != nil {
		t.Fatal(err)
	}
	if status != http.StatusConflict || !slices.Equal(failure.Missing, []string{sum(b)}) {
		t.Errorf("commit: %d %+v, want a 409 that names %s", status, failure, sum(b))
	}
	if has, err := f.people(t).Has(t.Context(), list.Blob().Digest); has || err != nil {
		t.Errorf("the refused blob: has = %v, error %v", has, err)
	}
	for name, body := range map[string][]byte{
		"cut off":   list.Encode()[:len(list.Encode())-1],
		"not its":   (blob.List{}).Encode(),
		"not one":   []byte("x"),
		"too large": make([]byte, blob.MaxList+1),
	} {
		want := http.StatusUnprocessableEntity
		if name == "too large" {
			want = http.StatusRequestEntityTooLarge
		}
		if status, answer := f.request(t, "PUT", path, bytes.NewReader(body)); status != want {
			t.Errorf("%s: %d %s, want %d", name, status, answer, want)
		}
	}
	// A list that is named rightly and is no list.
	if status, _ := f.request(t, "PUT", "/v1/blobs/"+sum([]byte("x")), strings.NewReader("x")); status != http.StatusUnprocessableEntity {
		t.Errorf("no list: %d", status)
	}
	if status, answer := f.request(t, "PUT", "/v1/chunks/"+sum(b), bytes.NewReader(encoded(t, b))); status != http.StatusCreated {
		t.Fatalf("PUT: %d %s", status, answer)
	}
	if status, answer := f.request(t, "PUT", path, bytes.NewReader(list.Encode())); status != http.StatusCreated {
		t.Errorf("commit: %d %s", status, answer)
	}
	if status, answer := f.request(t, "GET", path, nil); status != http.StatusOK || answer != string(list.Encode()) {
		t.Errorf("GET: %d %q", status, answer)
	}
	if status, answer := f.request(t, "HEAD", path, nil); status != http.StatusOK || answer != "" {
		t.Errorf("HEAD: %d %q", status, answer)
	}
}

// What each kind of token may do, over the wire.
func TestRights(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := newEd25519(t, "k")
	f.nomad.publish(s.jwk())
	key := strings.Repeat("0123456789abcdef", 4)
	staging := s.token(t, workloadClaims("dev", blob.StagingJobID("shop", key, "n1"), nil))
	app := s.token(t, workloadClaims("dev", "shop", nil))
	chunk := sum([]byte("a"))
	empty := (blob.List{}).Blob().Digest
	lifecycle := sum([]byte("tgz"))

	for _, c := range []struct {
		method, path, body           string
		people, staging, app, nobody int
	}{
		{"PUT", "/v1/chunks/" + chunk, string(encoded(t, []byte("a"))), 201, 201, 403, 401},
		{"GET", "/v1/chunks/" + chunk, "", 200, 200, 200, 401},
		{"POST", "/v1/missing", "[]", 200, 200, 403, 401},
		{"PUT", "/v1/blobs/" + empty, "wadi-blob 1 0 0\n", 201, 201, 403, 401},
		{"GET", "/v1/blobs/" + empty, "", 200, 200, 200, 401},
		{"HEAD", "/v1/blobs/" + empty, "", 200, 200, 200, 401},
		{"PUT", "/v1/results/dev/" + key + "?generation=1", "{}", 403, 201, 403, 401},
		{"GET", "/v1/results/dev/" + key, "", 200, 200, 403, 401},
		{"PUT", "/v1/results/prod/" + key + "?generation=1", "{}", 403, 403, 403, 401},
		{"GET", "/v1/results/prod/" + key, "", 404, 403, 403, 401},
		{"GET", "/v1/results/dev/" + sum(nil), "", 404, 403, 403, 401},
		{"PUT", "/v1/lifecycle/" + lifecycle, "tgz", 201, 403, 403, 401},
		{"GET", "/v1/lifecycle/" + lifecycle, "", 200, 200, 200, 200},
		{"HEAD", "/v1/lifecycle/" + lifecycle, "", 200, 200, 200, 200},
		{"GET", "/v1/health", "", 200, 200, 200, 200},
		{"GET", "/v1/other", "", 404, 404, 404, 404},
		{"DELETE", "/v1/chunks/" + chunk, "", 404, 404, 404, 404},
	} {
		for _, who := range []struct {
			name, token string
			want        int
		}{{"people", peopleToken, c.people}, {"staging", staging, c.staging}, {"app", app, c.app}, {"nobody", "", c.nobody}} {
			status, answer := f.requestAs(t, who.token, c.method, c.path, strings.NewReader(c.body))
			if status != who.want {
				t.Errorf("%s: %s %s: %d %s, want %d", who.name, c.method, c.path, status, answer, who.want)
			}
		}
	}
}

func TestResultsAreWrittenOnceAGeneration(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := strings.Repeat("ab", 32)
	path := "/v1/results/dev/" + key
	for _, c := range []struct {
		generation, body string
		want             int
		stored           string // after it, with its generation
	}{
		{"1", "one", 201, "1 one"},
		{"1", "one", 409, "1 one"},
		{"1", "other", 409, "1 one"},
		{"3", "three\nlines\n", 201, "3 three\nlines\n"},
		{"2", "two", 409, "3 three\nlines\n"},
		{"4", "", 201, "4 "},
		{"0", "x", 400, "4 "},
		{"-1", "x", 400, "4 "},
		{"", "x", 400, "4 "},
		{"5", strings.Repeat("x", blob.MaxResult+1), 413, "4 "},
	} {
		if status, answer := f.request(t, "PUT", path+"?generation="+c.generation, strings.NewReader(c.body)); status != c.want {
			t.Errorf("generation %q: %d %s, want %d", c.generation, status, answer, c.want)
		}
		req, err := http.NewRequestWithContext(t.Context(), "GET", f.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+peopleToken)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get(blob.GenerationHeader) + " " + string(body); got != c.stored {
			t.Errorf("after generation %q: stored %q, want %q", c.generation, got, c.stored)
		}
	}
	for _, path := range []string{"/v1/results/a.b/" + key, "/v1/results/dev/x", "/v1/results/..%2f..%2fx/" + key, "/v1/results/dev/" + strings.ToUpper(key)} {
		if status, _ := f.request(t, "PUT", path+"?generation=1", strings.NewReader("x")); status != http.StatusBadRequest {
			t.Errorf("PUT %s: %d, want 400", path, status)
		}
	}
}

// Of many that write one generation at once, one wins, and its body stays.
func TestOneResultWins(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := "/v1/results/dev/" + strings.Repeat("ab", 32)
	var all sync.WaitGroup
	var mu sync.Mutex
	var won []string
	for i := range 16 {
		all.Go(func() {
			body := strings.Repeat(string(rune('a'+i)), 1000)
			switch status, answer := f.request(t, "PUT", path+"?generation=1", strings.NewReader(body)); status {
			case http.StatusCreated:
				mu.Lock()
				defer mu.Unlock()
				won = append(won, body)
			case http.StatusConflict:
			default:
				t.Errorf("PUT: %d %s", status, answer)
			}
		})
	}
	all.Wait()
	_, stored := f.request(t, "GET", path, nil)
	if len(won) != 1 || won[0] != stored {
		t.Errorf("%d writers won, stored %.10q", len(won), stored)
	}
}

func TestLifecycleIsVerified(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	data := noiseBytes(t, 1, 300_000)
	path := "/v1/lifecycle/" + sum(data)
	for name, body := range map[string][]byte{"cut off": data[:299_999], "longer": append(slices.Clone(data), 0), "empty": nil} {
		if status, answer := f.request(t, "PUT", path, bytes.NewReader(body)); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if status, _ := f.request(t, "PUT", path, io.LimitReader(zeroReader{}, blob.MaxLifecycle+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", status)
	}
	c := f.people(t)
	if has, err := c.HasLifecycle(t.Context(), sum(data)); has || err != nil {
		t.Errorf("what was refused is there: %v, error %v", has, err)
	}
	if err := c.PutLifecycle(t.Context(), sum(data), bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if has, err := c.HasLifecycle(t.Context(), sum(data)); !has || err != nil {
		t.Errorf("HasLifecycle = %v, error %v", has, err)
	}
	resp, err := http.Get(c.LifecycleURL(sum(data)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.ContentLength != int64(len(data)) || !bytes.Equal(got, data) {
		t.Errorf("GET without a token: %s, %d bytes of %d, error %v", resp.Status, len(got), resp.ContentLength, err)
	}
	if err := c.PutLifecycle(t.Context(), sum(nil), bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), sum(data)) {
		t.Errorf("under another's name: %v", err)
	}
}

type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
