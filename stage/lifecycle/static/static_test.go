package static

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var modTime = time.Unix(1_700_000_000, 0)

// appDir writes an app; a content that starts with "->" is a link's target.
func appDir(t *testing.T, files map[string]string) string {
	t.Helper()
	outer := t.TempDir()
	if err := os.WriteFile(filepath.Join(outer, "secret"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(outer, "app")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(content, "->"); ok {
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, modTime, modTime); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestHandler(t *testing.T) {
	t.Parallel()
	site := map[string]string{
		"index.html": "home", "sub/index.html": "sub", "empty/x.txt": "x", "a b.txt": "blank", ".hidden": "h", ".git/config": "g",
		"Procfile": "web: x", "out": "->../secret", "abs": "->/etc/hostname", "in": "->index.html", "app.js": "plain", "app.js.gz": "zipped", "404.html": "own 404",
	}
	with := func(staticfile string) map[string]string {
		all := map[string]string{"Staticfile": staticfile}
		for k, v := range site {
			all[k] = v
		}
		return all
	}
	etag := `"6553f100-4"`
	tests := []struct {
		name, staticfile, path string
		header                 map[string]string
		code                   int
		body                   string
		want                   map[string]string
	}{
		{"index", "", "/", nil, 200, "home", map[string]string{"ETag": etag, "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT", "Content-Type": "text/html; charset=utf-8"}},
		{"not modified", "", "/", map[string]string{"If-None-Match": etag}, 304, "", nil},
		{"range", "", "/index.html", map[string]string{"Range": "bytes=1-2"}, 206, "om", map[string]string{"Content-Range": "bytes 1-2/4"}},
		{"folder", "", "/sub/", nil, 200, "sub", nil},
		{"folder without slash", "", "/sub?q=1", nil, 301, "", map[string]string{"Location": "/sub/?q=1"}},
		{"folder without slash, twice", "", "//sub", nil, 301, "", map[string]string{"Location": "/sub/"}},
		{"file with slash", "", "/index.html/", nil, 404, "own 404", nil},
		{"blank", "", "/a%20b.txt", nil, 200, "blank", nil},
		{"not there", "", "/nope", nil, 404, "own 404", nil},
		{"other page", "status_codes: {404: /sub/index.html}", "/nope", nil, 404, "sub", nil},
		{"hidden", "", "/.hidden", nil, 404, "own 404", nil},
		{"hidden folder", "", "/.git/config", nil, 404, "own 404", nil},
		{"hidden, asked for", "host_dot_files: true", "/.hidden", nil, 200, "h", nil},
		{"private", "", "/Staticfile", nil, 404, "own 404", nil},
		{"private too", "", "/Procfile", nil, 404, "own 404", nil},
		{"link out", "", "/out", nil, 404, "own 404", nil},
		{"absolute link", "", "/abs", nil, 404, "own 404", nil},
		{"link inside", "", "/in", nil, 200, "home", nil},
		{"dots", "", "/../../secret", nil, 404, "own 404", nil},
		{"encoded dots", "", "/%2e%2e/secret", nil, 404, "own 404", nil},
		{"no listing", "", "/empty/", nil, 403, "403 Forbidden\n", nil},
		{"listing", "directory: visible", "/empty/", nil, 200, "<a href=\"./x.txt\">x.txt</a>", nil},
		{"root", "root: sub", "/", nil, 200, "sub", nil},
		{"root keeps inside", "root: sub", "/../index.html", nil, 200, "sub", nil},
		{"pushstate", "pushstate: enabled", "/some/route", nil, 200, "home", nil},
		{"pushstate keeps files", "pushstate: enabled", "/a%20b.txt", nil, 200, "blank", nil},
		{"gzip", "", "/app.js", map[string]string{"Accept-Encoding": "br, gzip;q=0.5"}, 200, "zipped", map[string]string{"Content-Encoding": "gzip", "Vary": "Accept-Encoding", "Content-Type": "text/javascript; charset=utf-8"}},
		{"gzip refused", "", "/app.js", map[string]string{"Accept-Encoding": "gzip;q=0"}, 200, "plain", map[string]string{"Content-Encoding": "", "Vary": "Accept-Encoding"}},
		{"https", "force_https: true", "/x?y", nil, 301, "", map[string]string{"Location": "https://example.com/x?y"}},
		{"https already", "force_https: true", "/", map[string]string{"X-Forwarded-Proto": "https"}, 200, "home", nil},
		{"hsts", "http_strict_transport_security: true", "/", nil, 200, "home", map[string]string{"Strict-Transport-Security": "max-age=31536000"}},
		{"hsts, all", "http_strict_transport_security: true\nhttp_strict_transport_security_include_subdomains: true\nhttp_strict_transport_security_preload: true\n", "/", nil, 200, "home", map[string]string{"Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h, err := open(appDir(t, with(test.staticfile)))
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodGet, "http://example.com"+test.path, nil)
			for name, value := range test.header {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			body, err := io.ReadAll(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if w.Code != test.code || !strings.Contains(string(body), test.body) {
				t.Errorf("%d %q, want %d %q", w.Code, body, test.code, test.body)
			}
			for name, want := range test.want {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	h, err := open(appDir(t, map[string]string{"index.html": "home"}))
	if err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]int{"HEAD": 200, "POST": 405, "DELETE": 405} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		if w.Code != want || method == "HEAD" && w.Body.Len() != 0 {
			t.Errorf("%s: %d %q", method, w.Code, w.Body)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files map[string]string
		want  string
	}{
		"root is not there": {map[string]string{"Staticfile": "root: dist"}, "the folder has to be part of the app"},
		"root is a file":    {map[string]string{"Staticfile": "root: f", "f": ""}, "is no folder"},
		"root outside":      {map[string]string{"Staticfile": "root: ../x"}, "not a folder of the app"},
		"root leads away":   {map[string]string{"Staticfile": "root: l", "l": "->.."}, "escapes"},
		"unknown":           {map[string]string{"Staticfile": "ssi: enabled"}, "ssi is not supported"},
		"no map":            {map[string]string{"Staticfile": "- a"}, "lines of the form `key: value`"},
		"other status":      {map[string]string{"Staticfile": "status_codes: {500: /x}"}, "only 404 is"},
		"password":          {map[string]string{"Staticfile.auth": "a:b"}, "password protection"},
	}
	for name, test := range tests {
		if _, err := check(appDir(t, test.files)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzStaticfile(f *testing.F) {
	f.Add([]byte("root: a\ndirectory: visible\n"))
	f.Add([]byte("status_codes:\n  404: /x\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		c := config{Root: "."}
		if c.parse(content) == nil && (c.Root == ".." || strings.HasPrefix(c.Root, "../")) {
			t.Errorf("root %q", c.Root)
		}
	})
}
