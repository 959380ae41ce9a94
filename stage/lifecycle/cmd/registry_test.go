package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"wadi/stage/lifecycle"
)

// registry is a server of packages on loopback that counts what is fetched.
type registry struct {
	*httptest.Server
	mu      sync.Mutex
	fetched map[string]int // path -> times
}

// newRegistry serves files: path -> content.
func newRegistry(t *testing.T, files func(url string) map[string]string) *registry {
	t.Helper()
	r := &registry{fetched: map[string]int{}}
	var content map[string]string
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		r.fetched[q.URL.Path]++
		r.mu.Unlock()
		body, ok := content[q.URL.Path]
		if !ok {
			http.NotFound(w, q)
			return
		}
		w.Header().Set("Cache-Control", "max-age=3600")
		switch {
		case strings.HasSuffix(q.URL.Path, "/"):
			w.Header().Set("Content-Type", "text/html")
		case strings.HasPrefix(body, "{"):
			w.Header().Set("Content-Type", "application/json")
		default:
			w.Header().Set("Content-Type", "application/octet-stream")
		}
		_, _ = io.WriteString(w, body) // the client's own error says more
	}))
	content = files("http://" + r.Listener.Addr().String())
	r.Start()
	t.Cleanup(r.Close)
	return r
}

func (r *registry) count(path string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fetched[path]
}

// fetchedOnce waits for a staging with a registry, runs the app, and stages
// another version of it: what was fetched comes out of the cache then.
func fetchedOnce(s staged, r *registry, path, want string) {
	s.t.Helper()
	s.answers(s.succeeded(), want)
	if got := r.count(path); got != 1 {
		s.t.Fatalf("%s was fetched %d times", path, got)
	}
	again := s.again(func(in *lifecycle.Staging) { in.MemoryMB++ })
	again.succeeded()
	contains(s.t, "stdout", again.stdout.String(), "Downloaded build artifacts cache (")
	if got := r.count(path); got != 1 {
		s.t.Errorf("%s was fetched again", path)
	}
}

// stageGoProxy: the module comes from the proxy that the app's env names. It
// goes on from another staging because of what that has compiled.
func stageGoProxy(t *testing.T, before staged) {
	t.Helper()
	const module, version = "example.org/greet", "v1.0.0"
	mod := "module " + module + "\n\ngo 1.21\n"
	r := newRegistry(t, func(string) map[string]string {
		return map[string]string{
			"/" + module + "/@v/" + version + ".info": `{"Version":"` + version + `"}`,
			"/" + module + "/@v/" + version + ".mod":  mod,
			"/" + module + "/@v/" + version + ".zip": zipped(t, module+"@"+version+"/", map[string]string{
				"go.mod": mod, "greet.go": "package greet\n\nfunc Hello() string { return \"from a proxy\" }\n",
			}),
		}
	})
	s := before.again(func(in *lifecycle.Staging) {
		in.Package = uploadPackage(t, before.store, map[string]string{
			"go.mod": "module example.org/shop\n\ngo 1.21\n\nrequire " + module + " " + version + "\n", "main.go": goMain,
		})
		in.Env = map[string]string{"GOPROXY": r.URL, "GONOSUMDB": "example.org", "GOFLAGS": "-mod=mod"}
	})
	fetchedOnce(s, r, "/"+module+"/@v/"+version+".zip", "from a proxy")
}

// TestStageNodeRegistry: npm ci fetches what the lock file says from the
// registry that .npmrc names.
func TestStageNodeRegistry(t *testing.T) {
	t.Parallel()
	needs(t, "nodejs")
	tgz := packed(t, map[string]string{
		"package/package.json": `{"name":"greet","version":"1.0.0","main":"index.js"}`,
		"package/index.js":     "module.exports = () => 'from a registry';\n",
	})
	sum := sha512.Sum512([]byte(tgz))
	integrity := "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
	const path = "/greet/-/greet-1.0.0.tgz"
	r := newRegistry(t, func(url string) map[string]string {
		version := map[string]any{"name": "greet", "version": "1.0.0", "dist": map[string]string{"tarball": url + path, "integrity": integrity}}
		return map[string]string{path: tgz, "/greet": toJSON(t, map[string]any{
			"name": "greet", "dist-tags": map[string]string{"latest": "1.0.0"}, "versions": map[string]any{"1.0.0": version},
		})}
	})
	dependencies := map[string]string{"greet": "1.0.0"}
	s := stageDetected(t, map[string]string{
		".npmrc":       "registry=" + r.URL + "/\n",
		"package.json": toJSON(t, map[string]any{"name": "shop", "version": "1.0.0", "dependencies": dependencies, "scripts": map[string]string{"start": "node server.js"}}),
		"package-lock.json": toJSON(t, map[string]any{"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": map[string]any{
			"":                   map[string]any{"name": "shop", "version": "1.0.0", "dependencies": dependencies},
			"node_modules/greet": map[string]string{"version": "1.0.0", "resolved": r.URL + path, "integrity": integrity},
		}}),
		"server.js": nodeServer,
	}, map[string]string{"NODE_ENV": "staging"})
	fetchedOnce(s, r, path, "from a registry staging "+nodeHome(t))
}

// TestStagePythonIndex: the wheel comes from the index that pip.conf names.
func TestStagePythonIndex(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	const path = "/files/greet-1.0-py3-none-any.whl"
	r := newRegistry(t, func(string) map[string]string {
		return map[string]string{
			path:             wheel(t, "greet", pythonServer),
			"/simple/greet/": `<!DOCTYPE html><html><body><a href="` + path + `">greet-1.0-py3-none-any.whl</a></body></html>`,
		}
	})
	s := stageDetected(t, map[string]string{
		"requirements.txt": "greet==1.0\n", "Procfile": "web: python -m app\n", "app.py": "import greet\ngreet.main()\n",
		"pip.conf": "[global]\nindex-url = " + r.URL + "/simple/\ntrusted-host = 127.0.0.1\n",
	}, nil)
	fetchedOnce(s, r, path, "from a wheel")
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// zipped is a zip of files below prefix.
func zipped(t *testing.T, prefix string, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for path, content := range files {
		w, err := z.Create(prefix + path)
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// packed is a tgz of files.
func packed(t *testing.T, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for path, content := range files {
		err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(content))})
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
