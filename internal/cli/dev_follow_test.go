package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// devFolder is a folder in which somebody works: a site, a buildpack beside
// it, and the file that describes the app.
type devFolder struct {
	*testing.T
	dir string
}

func (f devFolder) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// save writes a file as editors do: another one, and a rename.
func (f devFolder) save(name, text string) {
	f.Helper()
	path := filepath.Join(f.dir, name)
	f.must(os.MkdirAll(filepath.Dir(path), 0o755))
	f.must(os.WriteFile(path+"~", []byte(text), 0o755))
	f.must(os.Rename(path+"~", path))
}

const (
	goodManifest = `applications:
- name: hello
  path: site
  memory: 64M
  buildpacks: [./pack, staticfile]
`
	goodSupply = "#!/bin/sh\necho supplied\n"
)

// devDay is a developer's day: a folder, and the `wadi dev` on it.
type devDay struct {
	devFolder
	run     *devRun
	at      int // what was read of its stderr
	address string
}

// await waits for what it says next.
func (d *devDay) await(patterns ...string) {
	d.Helper()
	for _, pattern := range patterns {
		_, d.at = d.run.stderr.await(d.T, d.at, pattern)
	}
}

func (d *devDay) serves(want string) {
	d.Helper()
	if got, err := get(d.T, d.address); err != nil || got != want {
		d.Errorf("%q is served (%v), want %q", got, err, want)
	}
}

// TestDevFollows begins with a version that cannot be staged, and ends with
// Ctrl-C in the middle of an apply.
func TestDevFollows(t *testing.T) {
	t.Parallel()
	d := &devDay{devFolder: devFolder{t, t.TempDir()}}
	d.save("manifest.yml", goodManifest)
	d.save("site/index.html", "one")
	d.save("site/.cfignore", "*.log\nnode_modules/\n")
	d.save("pack/bin/supply", "#!/bin/sh\necho supply says no\nexit 7\n")
	d.save("pack/bin/detect", "#!/bin/sh\n")
	d.run = newDevRun(t, false, d.dir)
	d.run.start(t)
	d.firstVersion()
	stop := requests(t, d.address)
	d.edits()
	d.brokenFiles()
	d.brokenVersions()
	d.oneMoreApp()
	d.run.stdout.await(t, 0, `hello \[APP/PROC/WEB/0\] OUT Invoking start command`)
	if err := stop(); err != nil {
		t.Errorf("a request failed: %v", err)
	}
	for _, never := range []string{"debug.log", "node_modules"} {
		if strings.Contains(d.run.stderr.String(), never) {
			t.Errorf("%s is ignored, and mentioned", never)
		}
	}
	d.save("site/index.html", "four")
	d.await(`site/index.html changed$`)
	d.must(d.run.cmd.Process.Signal(os.Interrupt))
	d.run.ended(t, 0)
}

// firstVersion waits until somebody does something about it.
func (d *devDay) firstVersion() {
	d.await(`Fix it and save`)
	if text := d.run.stderr.String(); !strings.Contains(text, "supply says no") || strings.Contains(text, "What ran before stays") {
		d.Error("why the first version was not staged is not told as it is")
	}
	d.save("pack/bin/supply", goodSupply)
	d.await(`pack/bin/supply changed$`, `The files run after`)
	d.address, _ = d.run.stdout.await(d.T, 0, `^(http://hello.localhost:.*)  200 OK$`)
	d.serves("one")
}

// edits are one, another while the first is applied, and those that change
// nothing.
func (d *devDay) edits() {
	d.save("site/index.html", "two")
	d.await(`site/index.html changed$`)
	d.save("site/index.html", "three")
	d.await(`site/index.html changed$`, `The files run after`)
	d.serves("three")
	d.save("site/debug.log", "x")
	d.save("site/node_modules/m/index.js", "x")
	d.must(os.Chtimes(filepath.Join(d.dir, "site/index.html"), time.Time{}, time.Now()))
}

// brokenFiles cannot be parsed, or ask for what there is not.
func (d *devDay) brokenFiles() {
	d.save("manifest.yml", goodManifest+"  health-check-type: [\n")
	d.await(`manifest.yml changed$`, `on manifest.yml line [67]`, `What ran before stays`)
	d.save("manifest.yml", goodManifest+"  memory: lots\n")
	d.await(`on manifest.yml line 6`, `What ran before stays`)
	d.save("manifest.yml", goodManifest)
	d.await(`manifest.yml changed: what runs is what the files say`)
	d.serves("three")
}

// brokenVersions cannot be staged, or do not start.
func (d *devDay) brokenVersions() {
	d.save("pack/bin/supply", "#!/bin/sh\necho supply says never\nexit 7\n")
	d.await(`supply says never`, `What ran before stays`)
	d.serves("three")
	d.save("pack/bin/supply", goodSupply)
	d.await(`what runs is what the files say`)
	d.save("manifest.yml", goodManifest+"  command: echo about to die; exit 3\n")
	d.await(`about to die`, `What ran before stays`)
	d.serves("three")
	d.save("manifest.yml", goodManifest)
	d.await(`what runs is what the files say`)
}

// oneMoreApp comes with a file of its own, at first without its source, and
// goes.
func (d *devDay) oneMoreApp() {
	d.save("more.wadi.hcl", "app \"more\" {\n  path = \"more\"\n  buildpacks = [\"staticfile\"]\n}\n")
	d.await(`more.wadi.hcl changed$`, `on more.wadi.hcl line 2`, `What ran before stays`)
	d.save("more/index.html", "more")
	d.await(`The files run after`)
	address, _ := d.run.stdout.await(d.T, 0, `^(http://more.localhost:.*)  200 OK$`)
	if got, err := get(d.T, address); err != nil || got != "more" {
		d.Errorf("%s answers %q (%v)", address, got, err)
	}
	d.must(os.Remove(filepath.Join(d.dir, "more.wadi.hcl")))
	d.await(` more: (?:stopped in|done)`)
	d.serves("three")
}

// requests asks an address without a pause until the function that it answers
// is called, which tells what failed.
func requests(t *testing.T, address string) (stop func() error) {
	t.Helper()
	done := make(chan struct{})
	var failed []error
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond): // the machine has other things to do
				if _, err := get(t, address); err != nil {
					failed = append(failed, err)
				}
			}
		}
	})
	return func() error {
		close(done)
		wait.Wait()
		return errors.Join(failed...)
	}
}
