package server

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	gocloud "gocloud.dev/blob"
)

// TestCheck damages the files of a blob as people and disks do: the check
// names them, they are gone, and the next upload makes them anew.
func TestCheck(t *testing.T) {
	t.Parallel()
	keepTime := func(path string, change func() error) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return errors.Join(change(), os.Chtimes(path, info.ModTime(), info.ModTime()))
	}
	for name, damage := range map[string]func(chunks []string) (damaged []string, err error){
		"truncated":            func(c []string) ([]string, error) { return c[1:2], os.Truncate(c[1], 100) },
		"truncated to nothing": func(c []string) ([]string, error) { return nil, os.Truncate(c[1], 0) }, // which is as good as gone
		"tampered with, with its old time": func(c []string) ([]string, error) {
			return c[2:3], keepTime(c[2], func() error {
				data, err := os.ReadFile(c[2])
				if err != nil {
					return err
				}
				data[len(data)/2] ^= 1
				return os.WriteFile(c[2], data, 0o600)
			})
		},
		"swapped": func(c []string) ([]string, error) {
			return c[:2], errors.Join(os.Rename(c[0], c[0]+".x"), os.Rename(c[1], c[0]), os.Rename(c[0]+".x", c[1]))
		},
		"bigger than any": func(c []string) ([]string, error) {
			return c[:1], os.WriteFile(c[0], make([]byte, 5<<20), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			c := f.people(t)
			b := upload(t, c, 9, 6<<20)
			chunks := f.stored(t, "chunks")
			paths, err := damage(chunks)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, path := range paths {
				want = append(want, "chunk "+filepath.Base(path))
			}
			slices.Sort(want)
			if stored, damaged, err := c.Check(t.Context(), b.Digest, false); stored || err != nil || !slices.Equal(damaged, want) {
				t.Errorf("Check = %v, damaged %v, error %v; want %v", stored, damaged, err, want)
			}
			if stored, damaged, err := c.Check(t.Context(), b.Digest, false); stored || err != nil || damaged != nil {
				t.Errorf("Check again = %v, damaged %v, error %v; want it gone", stored, damaged, err)
			}
			if again := upload(t, c, 9, 6<<20); again != b {
				t.Errorf("uploaded again: %+v", again)
			}
			if got, err := readAll(t, c, b.Digest); err != nil || !bytes.Equal(got, noiseBytes(t, 9, 6<<20)) {
				t.Errorf("after the upload: %d bytes, error %v", len(got), err)
			}
		})
	}
}

// TestCheckOfWhatWasTouched: chunks that are younger than the list (a folder
// that was copied) and well are not read again and again: the list is written anew.
func TestCheckOfWhatWasTouched(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.people(t)
	b := upload(t, c, 9, 3<<20)
	list, chunk := f.stored(t, "blobs")[0], f.stored(t, "chunks")[0]
	if err := os.Rename(chunk, chunk+".x"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(chunk+".x", chunk); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(list)
	if err != nil {
		t.Fatal(err)
	}
	if stored, damaged, err := c.Check(t.Context(), b.Digest, false); !stored || err != nil || damaged != nil {
		t.Errorf("Check = %v, damaged %v, error %v", stored, damaged, err)
	}
	if after, err := os.Stat(list); err != nil || os.SameFile(before, after) {
		t.Errorf("the list is as old as before (error %v)", err)
	}
}

// TestCheckVerifies: what rots on the disk has its old times, and is found
// only by who reads.
func TestCheckVerifies(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.people(t)
	b := upload(t, c, 9, 3<<20)
	rotten := f.stored(t, "chunks")[1]
	if err := os.Truncate(rotten, 100); err != nil {
		t.Fatal(err)
	}
	s := store{openBucket(t, f.dir)}
	for younger := false; !younger; { // the list
		upload(t, c, 9, 3<<20)
		list, _, err := s.changed(t.Context(), blobKey(b.Digest))
		chunk, _, err2 := s.changed(t.Context(), chunkKey(filepath.Base(rotten)))
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		younger = list.After(chunk)
	}
	if stored, damaged, err := c.Check(t.Context(), b.Digest, false); !stored || err != nil || damaged != nil {
		t.Errorf("Check = %v, damaged %v, error %v", stored, damaged, err)
	}
	want := []string{"chunk " + filepath.Base(rotten)}
	if stored, damaged, err := c.Check(t.Context(), b.Digest, true); stored || err != nil || !slices.Equal(damaged, want) {
		t.Errorf("with verify: Check = %v, damaged %v, error %v; want %v", stored, damaged, err, want)
	}
}

func TestDamagedLifecycle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.people(t)
	body := noiseBytes(t, 3, 1<<20)
	put := func() {
		if err := c.PutLifecycle(t.Context(), sum(body), bytes.NewReader(body)); err != nil {
			t.Fatal(err)
		}
	}
	put()
	if has, err := c.HasLifecycle(t.Context(), sum(body)); !has || err != nil {
		t.Errorf("HasLifecycle = %v, error %v", has, err)
	}
	if err := os.Truncate(filepath.Join(f.dir, lifecycleKey(sum(body))), 1000); err != nil {
		t.Fatal(err)
	}
	if has, err := c.HasLifecycle(t.Context(), sum(body)); has || err != nil {
		t.Errorf("damaged: HasLifecycle = %v, error %v", has, err)
	}
	put()
	if has, err := c.HasLifecycle(t.Context(), sum(body)); !has || err != nil {
		t.Errorf("made anew: HasLifecycle = %v, error %v", has, err)
	}
}

func openBucket(t *testing.T, dir string) *gocloud.Bucket {
	t.Helper()
	bucket, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	return bucket
}
