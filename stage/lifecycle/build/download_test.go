package build

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wadi/internal/sourcetest"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/builder"
)

// TestDownload: a branch of a repository and an archive, in one build, and
// once for all builds with that folder.
func TestDownload(t *testing.T) {
	t.Parallel()
	server := sourcetest.Start(t)
	repo := server.Repository(t, "private/supplier")
	repo.Commit(t, map[string]string{"bin/supply": "#!/bin/sh\necho main\n"})
	repo.Git(t, "checkout", "--quiet", "-b", "next")
	repo.Commit(t, map[string]string{"bin/supply": "#!/bin/sh\necho next\n"})
	writeZip(t, filepath.Join(server.Dir, "final.zip"), map[string]string{
		"top/bin/finalize": "#!/bin/sh\necho final\n", "top/bin/release": "#!/bin/sh\necho 'default_process_types: {web: x}'\n",
	})
	m := newMachine(t, files{"f": "x"})
	m.env = append(m.env, "SSL_CERT_FILE="+server.CA, "HOME="+m.root)
	m.keys = []string{server.Login() + "/private/supplier.git#next", server.URL + "/final.zip"}
	e := m.run("--skip-detect")
	e.want(0, "")
	archive, err := os.Stat(filepath.Join(server.Dir, "final.zip"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "Downloaded buildpack `" + m.keys[1] + "` (" + lifecycle.FormatSize(archive.Size()) + ")\nnext\nfinal\n"; e.stdout != want {
		t.Errorf("stdout %q, want %q", e.stdout, want)
	}
	entries, err := os.ReadDir(m.path("downloads"))
	if err != nil || len(entries) != 2 {
		t.Errorf("downloads: %v, %v", entries, err)
	}

	asked := len(server.Requests())
	again := m.run("--skip-detect")
	again.want(0, "")
	if again.stdout != "next\nfinal\n" || len(server.Requests()) != asked {
		t.Errorf("stdout %q, %d requests more", again.stdout, len(server.Requests())-asked)
	}
}

func TestDownloadFails(t *testing.T) {
	t.Parallel()
	server := sourcetest.Start(t)
	for name, test := range map[string]struct{ key, stderr string }{
		"archive":  {server.URL + "/gone.zip", "Failed to download buildpack '" + server.URL + "/gone.zip': "},
		"git":      {server.URL + "/gone.git", "Failed to clone git repository at " + server.URL + "/gone.git: "},
		"password": {"https://u:secret@127.0.0.1:1/x.git?token=secret", "Failed to clone git repository at https://127.0.0.1:1/x.git"},
		"scheme":   {"file:///etc", "Invalid buildpack url: file:///etc: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, nil)
			m.env = append(m.env, "SSL_CERT_FILE="+server.CA, "HOME="+m.root)
			m.keys = []string{test.key}
			e := m.run("--skip-detect")
			if e.code != 1 || !strings.HasPrefix(e.stderr, test.stderr) || strings.Contains(e.stderr, "secret") {
				t.Errorf("code %d, stderr %q, want %q", e.code, e.stderr, test.stderr)
			}
			if _, err := os.Stat(m.path("downloads/" + builder.KeyHash(test.key))); err == nil {
				t.Error("there is a folder for what could not be fetched")
			}
		})
	}
}

func writeZip(t *testing.T, path string, files map[string]string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		h := &zip.FileHeader{Name: name}
		h.SetMode(0o755)
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
