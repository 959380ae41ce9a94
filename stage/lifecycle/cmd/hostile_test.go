package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wadi/stage/blob"
	"wadi/stage/lifecycle"
)

// hostile are streams that want to write outside of their folder, each with
// what the refusal says: below app, as all of a package is. A victim lies beside
// every folder of a task.
var hostile = map[string]struct {
	entries []tar.Header
	says    string
}{
	"dot dot":   {[]tar.Header{{Typeflag: tar.TypeReg, Name: "../../victim", Mode: 0o644}}, `refused to unpack entry "../../victim": its name has ".." in it`},
	"absolute":  {[]tar.Header{{Typeflag: tar.TypeReg, Name: "/tmp/wadi-victim", Mode: 0o644}}, `refused to unpack entry "/tmp/wadi-victim": its name is absolute`},
	"link":      {[]tar.Header{{Typeflag: tar.TypeSymlink, Name: "app/l", Linkname: "../.."}, {Typeflag: tar.TypeReg, Name: "app/l/victim", Mode: 0o644}}, `cannot unpack entry "app/l/victim"`},
	"hard link": {[]tar.Header{{Typeflag: tar.TypeLink, Name: "app/h", Linkname: "../../victim"}}, `refused to unpack entry "app/h": of the file "../../victim" that it links to`},
	"device":    {[]tar.Header{{Typeflag: tar.TypeChar, Name: "app/null", Mode: 0o666, Devmajor: 1, Devminor: 3}}, `refused to unpack entry "app/null"`},
	"twice":     {[]tar.Header{{Typeflag: tar.TypeReg, Name: "app/f", Mode: 0o644}, {Typeflag: tar.TypeSymlink, Name: "app/f", Linkname: "/etc/passwd"}}, `cannot unpack entry "app/f": its name is there already`},
}

func uploadTar(t *testing.T, store *blob.Client, entries []tar.Header) string {
	t.Helper()
	var stream bytes.Buffer
	w := tar.NewWriter(&stream)
	for _, h := range entries {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return uploadStream(t, store, &stream)
}

func uploadStream(t *testing.T, store *blob.Client, stream io.Reader) string {
	t.Helper()
	stored, _, err := store.Upload(t.Context(), stream, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stored.Digest
}

// guard puts victims above the folders of a task and returns what checks that
// they are as they were.
func guard(t *testing.T, dir string) func() {
	t.Helper()
	victims := []string{filepath.Join(dir, "victim"), filepath.Join(dir, "local", "victim")}
	for _, path := range victims {
		if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, path := range append(victims, "/tmp/wadi-victim") {
			content, err := os.ReadFile(path)
			if exists := err == nil; exists != (path != "/tmp/wadi-victim") || exists && string(content) != "precious" {
				t.Errorf("%s: %q, %v", path, content, err)
			}
		}
	}
}

// TestStageHostile: a hostile package or buildpack fails the staging, a
// hostile cache is left out.
func TestStageHostile(t *testing.T) {
	t.Parallel()
	for name, h := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := blobStore(t)
			good := lifecycle.Staging{
				BlobURL: store.URL, Space: "default", App: "shop", StagingKey: stagingKey, Generation: 1, SkipDetect: true, MemoryMB: 1024, DiskMB: 4096,
				Package:    uploadPackage(t, store, map[string]string{"f": "x"}),
				Buildpacks: []lifecycle.BuildpackRef{{Key: "binary", Builtin: "binary"}},
			}
			bad := uploadTar(t, store, h.entries)
			stage := func(change func(*lifecycle.Staging)) staged {
				in := good
				change(&in)
				dir := newTask(t, map[string]any{lifecycle.StagingFile: in})
				check := guard(t, dir)
				s := staged{running: start(t, dir, "stage"), store: store, input: in}
				s.exitCode()
				check()
				return s
			}
			for what, s := range map[string]staged{
				"the app package": stage(func(in *lifecycle.Staging) { in.Package = bad }),
				"buildpack evil":  stage(func(in *lifecycle.Staging) { in.Buildpacks = []lifecycle.BuildpackRef{{Key: "evil", Blob: bad}} }),
			} {
				if code := s.exitCode(); code != 1 {
					t.Errorf("%s: exit code %d", what, code)
				}
				contains(t, "stderr", s.stderr.String(), "downloading "+what+": "+h.says)
			}
			s := stage(func(in *lifecycle.Staging) { in.Cache = bad })
			s.succeeded()
			contains(t, "stdout", s.stdout.String(), "Building without the cache of the last staging: "+h.says)
		})
	}
}

// TestRunHostile: nothing of a hostile droplet runs.
func TestRunHostile(t *testing.T) {
	t.Parallel()
	for name, h := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := blobStore(t)
			w := runDroplet(t, store, uploadTar(t, store, h.entries), lifecycle.Environment{})
			contains(t, "stderr", w.stderr.String(), "unpacking the droplet: "+h.says)
		})
	}
}

// runDroplet starts an instance that must not start.
func runDroplet(t *testing.T, store *blob.Client, digest string, environment lifecycle.Environment) web {
	t.Helper()
	dir := newTask(t, map[string]any{
		lifecycle.RevisionFile: lifecycle.Revision{BlobURL: store.URL, Droplet: digest}, lifecycle.EnvironmentFile: environment,
		lifecycle.ProcessFile: lifecycle.RunProcess{Type: "web", Command: "echo it runs", MemoryMB: 64, DiskMB: 64, Health: portCheck},
	})
	check := guard(t, dir)
	w := startInstance(t, app{dir: dir})
	if code := w.exitCode(); code != 1 || strings.Contains(w.stdout.String(), "it runs") {
		t.Errorf("exit code %d, stdout %q", code, w.stdout)
	}
	check()
	return w
}

// TestRunTakenNames: a droplet cannot put a link where the supervisor is
// about to write.
func TestRunTakenNames(t *testing.T) {
	t.Parallel()
	bindings := lifecycle.Environment{Services: lifecycle.Services{
		VCAPServices: json.RawMessage(`{"user-provided":[{"name":"db","credentials":{"uri":"x"}}]}`), ServiceFiles: lifecycle.ServicesK8s,
	}}
	for name, says := range map[string]string{
		"service-bindings": "service-bindings is there already: the droplet must have nothing of that name",
		"bin":              "putting the lifecycle beside the app: mkdir",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outside := openDir(t)
			store := blobStore(t)
			digest := uploadTar(t, store, []tar.Header{{Typeflag: tar.TypeSymlink, Name: name, Linkname: outside}})
			w := runDroplet(t, store, digest, bindings)
			contains(t, "stderr", w.stderr.String(), says)
			if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
				t.Errorf("written outside: %v, %v", entries, err)
			}
		})
	}
}

// TestStageFileWithHoles: 10 GB that take no disk are not uploaded, neither as
// a droplet nor as a cache.
func TestStageFileWithHoles(t *testing.T) {
	t.Parallel()
	script := func(path string) map[string]string {
		return map[string]string{
			"bin/supply":   "#!/bin/sh\nmkdir -p \"" + path + "/d\" && truncate -s 10G \"" + path + "/d/holes\" && echo x > \"" + path + "/small\"\n",
			"bin/finalize": "#!/bin/sh\n", "bin/release": "#!/bin/sh\necho '{}'\n",
		}
	}
	droplet := startStaging(t, map[string]string{"f": "x"}, []string{"bp"}, map[string]map[string]string{"bp": script("$1")}, nil)
	if code := droplet.exitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stderr", droplet.stderr.String(), "uploading the droplet: it has 10G, more than the disk of the staging, 4G (app/d/holes alone has 10G): leave out")

	cache := startStaging(t, map[string]string{"f": "x"}, []string{"bp"}, map[string]map[string]string{"bp": script("$2")}, nil)
	if got := cache.succeeded().Cache; got != "" {
		t.Errorf("cache %q", got)
	}
	contains(t, "stdout", cache.stdout.String(), "The build artifacts cache is not kept: it has 10G, more than the disk of the staging, 4G (final/d/holes alone has 10G)")
}
