package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	gocloud "gocloud.dev/blob"

	"wadi/stage/blob"
)

const (
	peopleToken   = "the-token-of-the-people"
	operatorToken = "the-token-of-the-operators"
)

// fixture is a server on loopback over a folder, with Nomad's keys served by
// another.
type fixture struct {
	dir   string
	nomad *nomad
	auth  *Auth
	url   string
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return fixtureIn(t, t.TempDir(), nil)
}

// fixtureIn serves the folder dir, through wrap if that is not nil.
func fixtureIn(t *testing.T, dir string, wrap func(http.Handler) http.Handler) *fixture {
	t.Helper()
	bucket, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{dir: dir, nomad: newNomad(t)}
	f.url = serve(t, bucket, f.newAuth(t), wrap)
	return f
}

func (f *fixture) newAuth(t *testing.T) *Auth {
	t.Helper()
	auth, err := NewAuth(AuthOptions{TokenFile: tokenFileOf(t, peopleToken), JWKSURL: f.nomad.url, OperatorSHA256: sum([]byte(operatorToken))})
	if err != nil {
		t.Fatal(err)
	}
	f.auth = auth
	return auth
}

func tokenFileOf(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve runs a server until the test is over, with Serve itself.
func serve(t *testing.T, bucket *gocloud.Bucket, auth *Auth, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	return serveWith(t, Options{Bucket: bucket, Auth: auth, Logger: discard()}, wrap)
}

func serveWith(t *testing.T, o Options, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler := New(o)
	if wrap != nil {
		handler = wrap(handler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, handler) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := o.Bucket.Close(); err != nil {
			t.Errorf("close the bucket: %v", err)
		}
	})
	return "http://" + l.Addr().String()
}

// client is one with a token, whose connections end with the test.
func client(t *testing.T, url, token string) *blob.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	return &blob.Client{
		URL:      url,
		HTTP:     &http.Client{Transport: transport},
		Token:    func() (string, error) { return token, nil },
		Attempts: 3,
	}
}

func (f *fixture) people(t *testing.T) *blob.Client { return client(t, f.url, peopleToken) }

func (f *fixture) operator(t *testing.T) *blob.Client { return client(t, f.url, operatorToken) }

// request makes a raw request as the operators.
func (f *fixture) request(t *testing.T, method, path string, body io.Reader) (status int, answer string) {
	t.Helper()
	return f.requestAs(t, operatorToken, method, path, body)
}

func (f *fixture) requestAs(t *testing.T, token, method, path string, body io.Reader) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// noise is n bytes that are the same in every run and don't compress.
func noise(seed byte, n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), n)
}

func noiseBytes(t *testing.T, seed byte, n int64) []byte {
	t.Helper()
	data, err := io.ReadAll(noise(seed, n))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// stored are the files below a folder of the store, newest names and all.
func (f *fixture) stored(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(f.dir, folder, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// proxied serves f through a handler of the test's own.
func proxied(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// blobOf is what data is as a blob, by a store of its own.
func blobOf(t *testing.T, data []byte) blob.Blob {
	t.Helper()
	b, _, err := newFixture(t).people(t).Upload(t.Context(), bytes.NewReader(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
