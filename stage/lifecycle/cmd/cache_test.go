package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/builder"
)

// cacher keeps a read-only folder, as Go's module cache is, and a file that
// counts the builds.
var cacher = map[string]string{
	"bin/supply": `#!/bin/bash
echo "cache of $(basename "$2"): $(cat "$2/count" 2> /dev/null | tr -d '\n')"
printf x >> "$2/count"
if [ ! -e "$2/mod" ]; then
  mkdir -p "$2/mod/pkg" && echo content > "$2/mod/pkg/file" && ln -s pkg/file "$2/mod/link" && chmod -R a-w "$2/mod"
fi
echo "$(stat -c '%a %u' "$2/mod/pkg" "$2/mod/pkg/file" | tr '\n' ' ')$(cat "$2/mod/link")"
`,
	"bin/finalize": "#!/bin/sh\n", "bin/release": "#!/bin/sh\necho '{}'\n",
}

// TestCache: each buildpack finds what it left, and nothing stays behind that
// could not be removed.
func TestCache(t *testing.T) {
	t.Parallel()
	builds := os.Getuid()
	if builds == 0 {
		builds = taskUser()
	}
	testCache(t, 0, builds)
}

// TestCacheWithoutRoot: an ordinary user has no right to pass over modes.
func TestCacheWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("all tests run without root then")
	}
	testCache(t, 1234, 1234)
}

func testCache(t *testing.T, uid, builds int) {
	t.Helper()
	start := startStaging(t, map[string]string{"f": "x"}, []string{"one", "two"}, map[string]map[string]string{"one": cacher, "two": cacher}, nil)
	start.uid = uid
	first := start.succeeded()
	contains(t, "stdout", start.stdout.String(), "cache of "+builder.KeyHash("one")+": \n", "cache of final: \n", "Uploaded build artifacts cache (")

	s := start.again(nil)
	second := s.succeeded()
	contains(t, "stdout", s.stdout.String(), "Downloaded build artifacts cache (18B)\n",
		"cache of "+builder.KeyHash("one")+": x\n", "cache of final: x\n",
		fmt.Sprintf("555 %d 444 %d content\n", builds, builds))
	if second.Cache == first.Cache || second.Cache == "" {
		t.Errorf("cache %q after %q", second.Cache, first.Cache)
	}

	// Another first buildpack: its predecessor's cache goes, final stays.
	s = s.again(func(in *lifecycle.Staging) {
		in.Buildpacks = []lifecycle.BuildpackRef{{Key: "three", Blob: in.Buildpacks[0].Blob}, in.Buildpacks[1]}
	})
	s.succeeded()
	contains(t, "stdout", s.stdout.String(), "cache of "+builder.KeyHash("three")+": \n", "cache of final: xx\n")
	if exists(filepath.Join(s.taskDir, "local/staging/cache")) {
		t.Error("the cache is still on the disk")
	}
}

// TestCacheUnchanged: what is as it was has the same digest and is not sent,
// and where there is nothing to keep nothing is stored.
func TestCacheUnchanged(t *testing.T) {
	t.Parallel()
	keep := map[string]string{
		"bin/supply":   "#!/bin/sh\n[ -e \"$2/kept\" ] || echo kept > \"$2/kept\"\n",
		"bin/finalize": "#!/bin/sh\n", "bin/release": "#!/bin/sh\necho '{}'\n",
	}
	first := startStaging(t, map[string]string{"f": "x"}, []string{"keep"}, map[string]map[string]string{"keep": keep}, nil)
	kept := first.succeeded().Cache
	second := first.again(nil)
	if got := second.succeeded().Cache; got != kept || kept == "" {
		t.Errorf("cache %q, before %q", got, kept)
	}
	contains(t, "stdout", second.stdout.String(), ", 0B of it new)\n")
	third := second.again(func(in *lifecycle.Staging) {
		in.Buildpacks, in.Cache = []lifecycle.BuildpackRef{{Key: "binary", Builtin: "binary"}}, ""
	})
	if got := third.succeeded().Cache; got != "" || strings.Contains(third.stdout.String(), "cache") {
		t.Errorf("cache %q\n%s", got, third.stdout)
	}
}

// TestCacheBroken: a cache that is gone, is none, or is too big is left out.
func TestCacheBroken(t *testing.T) {
	t.Parallel()
	first := startStaging(t, map[string]string{"f": "x"}, []string{"one"}, map[string]map[string]string{"one": cacher}, nil)
	first.succeeded()
	big := upload(t, first.store, map[string]string{"final/count": "before", "final/big": strings.Repeat("x", 2<<20)})
	none, _, err := first.store.Upload(t.Context(), strings.NewReader(strings.Repeat("no tar stream", 1000)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, digest := range map[string]string{"gone": strings.Repeat("0", 64), "no digest": "x", "none": none.Digest, "big": big} {
		s := first.again(func(in *lifecycle.Staging) {
			in.Cache, in.DiskMB = digest, 1
			in.StagingKey = fmt.Sprintf("%064x", len(name)) // one each: generations are written once
			in.Generation = 1
		})
		if code := s.exitCode(); code != 0 {
			t.Errorf("%s: exit code %d", name, code)
		}
		out := s.stdout.String()
		contains(t, "stdout", out, "Building without the cache of the last staging: ", "cache of final: \n", "Uploaded build artifacts cache (")
		if lines := strings.Count(out, "Building without"); lines != 1 || strings.Contains(out, "before") {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}
