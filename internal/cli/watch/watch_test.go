package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"wadi/internal/testwait"
)

// bench is a watcher on a folder of its own: the tree "app", and files that
// describe it.
type bench struct {
	*testing.T
	w   *Watcher
	dir string
}

// both runs a test with events and without.
func both(t *testing.T, run func(b *bench)) {
	t.Parallel()
	for name, poll := range map[string]bool{"events": false, "polling": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			b := &bench{T: t, dir: dir}
			o := Options{Quiet: 50 * time.Millisecond, Polling: func(why error) { t.Errorf("there are no events: %v", why) }}
			if poll {
				b.w = start(o, newPoller(20*time.Millisecond))
			} else {
				b.w = New(o)
			}
			t.Cleanup(b.w.Close)
			b.mkdir("app/sub")
			b.mkdir("app/ignored")
			b.write("app/file", "1")
			b.w.Watch(b.Context(), b.set())
			run(b)
		})
	}
}

func (b *bench) set() Set {
	return Set{
		Files: []string{b.path("manifest.yml"), b.path("far/off/vars.yml")},
		Trees: []Tree{{Root: b.path("app"), Keep: keepExample}},
	}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) mkdir(name string) {
	b.Helper()
	b.must(os.MkdirAll(b.path(name), 0o755))
}

func (b *bench) write(name, text string) {
	b.Helper()
	write(b.T, b.path(name), text)
}

// grow changes a file in one step, which is told once. To write it anew takes
// two: between them, when it is empty, a machine may be busy with other things.
func (b *bench) grow(name string) {
	b.Helper()
	f, err := os.OpenFile(b.path(name), os.O_APPEND|os.O_WRONLY, 0)
	b.must(err)
	_, err = f.WriteString("2")
	b.must(errors.Join(err, f.Close()))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// next waits for a change that has the path; until then none may have the
// others.
func (b *bench) next(want string, not ...string) {
	b.Helper()
	b.await(func(changed string) bool { return changed == b.path(want) }, want, not)
}

// came waits for a change that has the path or a folder that came with it.
func (b *bench) came(want string) {
	b.Helper()
	b.await(func(changed string) bool { return changed == b.path(want) || below(changed, b.path(want)) }, want, nil)
}

func (b *bench) await(is func(changed string) bool, want string, not []string) {
	b.Helper()
	for timeout := time.After(testwait.Patience); ; {
		select {
		case c := <-b.w.Changes():
			for _, name := range not {
				if slices.Contains(c.Paths, b.path(name)) {
					b.Errorf("%s is in %q", name, c.Paths)
				}
			}
			if slices.ContainsFunc(c.Paths, is) {
				return
			}
		case <-timeout:
			b.Fatalf("%s changed, and nothing was told of it", want)
		}
	}
}

func TestWrite(t *testing.T) {
	both(t, func(b *bench) {
		b.grow("app/file")
		b.next("app/file")
		b.write("app/sub/new", "1")
		b.next("app/sub/new", "app/file")
		b.must(os.Chmod(b.path("app/file"), 0o755))
		b.next("app/file")
		b.must(os.Remove(b.path("app/sub/new")))
		b.next("app/sub/new")
		b.must(os.Symlink("file", b.path("app/link")))
		b.next("app/link")
	})
}

// TestIgnored: what does not count is told neither alone nor with another.
func TestIgnored(t *testing.T) {
	both(t, func(b *bench) {
		b.write("app/ignored/file", "1")
		b.write("app/out.log", "1")
		b.write("app/.file.swp", "1")
		b.write("other.yml", "1")
		b.mkdir("app/ignored/deep")
		b.write("app/file", "22")
		b.next("app/file", "app/ignored/file", "app/ignored", "app/ignored/deep", "app/out.log", "app/.file.swp", "other.yml")
	})
}

// TestReplaced is how editors write: another file and a rename.
func TestReplaced(t *testing.T) {
	both(t, func(b *bench) {
		for i := range 3 {
			b.write("app/file~", fmt.Sprint("version ", i))
			b.must(os.Rename(b.path("app/file~"), b.path("app/file")))
			b.next("app/file", "app/file~")
		}
		b.write("manifest.tmp", "x")
		b.must(os.Rename(b.path("manifest.tmp"), b.path("manifest.yml")))
		b.next("manifest.yml", "manifest.tmp")
	})
}

// TestFolders come, are moved and go.
func TestFolders(t *testing.T) {
	both(t, func(b *bench) {
		b.mkdir("app/new/deep/er")
		b.write("app/new/deep/er/file", "1")
		b.came("app/new/deep/er/file")
		b.write("app/new/deep/er/file", "22")
		b.next("app/new/deep/er/file")
		b.must(os.Rename(b.path("app/new"), b.path("app/moved")))
		b.came("app/moved/deep/er/file")
		b.write("app/moved/deep/er/file", "333")
		b.next("app/moved/deep/er/file", "app/new/deep/er/file")
		b.must(os.RemoveAll(b.path("app")))
		b.next("app")
		b.mkdir("app/sub")
		b.write("app/sub/file", "1")
		b.came("app/sub/file")
		b.write("app/sub/file", "22")
		b.next("app/sub/file")
	})
}

// TestFarFile is named and not there, nor is its folder.
func TestFarFile(t *testing.T) {
	both(t, func(b *bench) {
		b.mkdir("far/off")
		b.write("far/off/vars.yml", "1")
		b.came("far/off/vars.yml")
		b.write("far/off/vars.yml", "22")
		b.next("far/off/vars.yml")
	})
}

// TestAnotherSet: what left the set is told no more, what came is.
func TestAnotherSet(t *testing.T) {
	both(t, func(b *bench) {
		b.mkdir("other")
		b.w.Watch(b.Context(), Set{Trees: []Tree{{Root: b.path("other"), Keep: keepExample}}})
		b.write("app/file", "22")
		b.write("manifest.yml", "1")
		b.write("other/file", "1")
		b.next("other/file", "app/file", "manifest.yml")
	})
}

// TestLimit: a change is told although it never becomes quiet.
func TestLimit(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, dir: dir, w: New(Options{Quiet: time.Hour, Limit: 100 * time.Millisecond})}
	t.Cleanup(b.w.Close)
	b.mkdir("app")
	b.w.Watch(b.Context(), Set{Trees: []Tree{{Root: b.path("app"), Keep: keepExample}}})
	b.write("app/file", "1")
	b.next("app/file")
}

// TestFallBack is the kernel's limit of watches, which is reached when a
// folder comes: the files are looked at from then on, and it is said once.
func TestFallBack(t *testing.T) {
	t.Parallel()
	told := make(chan error, 9)
	dir := t.TempDir()
	b := &bench{T: t, dir: dir}
	b.mkdir("app")
	b.write("app/file", "1")
	s := &state{options: Options{Polling: func(why error) { told <- why }}, pending: pending{quiet: time.Millisecond}}
	t.Cleanup(s.close)
	s.set(t.Context(), Set{Trees: []Tree{{Root: b.path("app"), Keep: keepExample}}}.resolved())
	if s.notify == nil || s.poll != nil {
		t.Fatal("there are no events")
	}
	s.failed(t.Context(), fsnotify.ErrEventOverflow)
	if s.notify == nil || !s.pending.any {
		t.Error("after lost events nothing is told, or no event is listened to")
	}
	s.pending.reset()
	s.failed(t.Context(), syscall.ENOSPC)
	if s.notify != nil || s.poll == nil || !s.pending.any {
		t.Fatal("the files are not looked at")
	}
	s.pending.reset()
	b.write("app/file", "22")
	s.look(t.Context())
	if want := []string{b.path("app/file")}; !slices.Equal(s.pending.change.Paths, want) {
		t.Errorf("%q, want %q", s.pending.change.Paths, want)
	}
	if s.pending.quiet <= s.poll.pause {
		t.Errorf("quiet after %s, looked at every %s", s.pending.quiet, s.poll.pause)
	}
	s.set(t.Context(), s.current)
	if len(told) != 1 {
		t.Fatalf("the reason was told %d times", len(told))
	}
	var limit *LimitError
	if why := <-told; !errors.As(why, &limit) || !errors.Is(why, syscall.ENOSPC) || limit.Setting != "fs.inotify.max_user_watches" {
		t.Errorf("the reason is %v", why)
	}
}

// TestClose ends everything, and whatever is asked afterwards returns.
func TestClose(t *testing.T) {
	t.Parallel()
	w := New(Options{})
	w.Watch(t.Context(), Set{Files: []string{"/nowhere/at/all"}})
	w.Close()
	w.Watch(t.Context(), Set{})
	w.Close()
}
