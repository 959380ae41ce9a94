package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wadi/stage/lifecycle"
)

// TestDropletHasNoOwner: whoever ran the buildpacks, the droplet is the same.
func TestDropletHasNoOwner(t *testing.T) {
	t.Parallel()
	packs := map[string]map[string]string{"bp": {
		"bin/supply":   "#!/bin/sh\nid -u; touch \"$1/made\" \"$2/kept\" \"$3/$4/dep\"\n",
		"bin/finalize": "#!/bin/sh\n", "bin/release": "#!/bin/sh\necho '{}'\n",
	}}
	one := startStaging(t, map[string]string{"Procfile": "web: x\n", "sub/file": "x"}, []string{"bp"}, packs, nil)
	first := one.succeeded()

	input := one.input
	input.Generation++
	dir := newTask(t, map[string]any{lifecycle.StagingFile: input})
	two := staged{running: start(t, dir, "stage", "NOMAD_ALLOC_ID=another"), store: one.store, input: input}
	second := two.succeeded()

	for _, blobs := range [][2]string{{first.Droplet, second.Droplet}, {first.Cache, second.Cache}} {
		want, got := one.entries(blobs[0]), two.entries(blobs[1])
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("%d entries (-one +other):\n%s", len(want), diff)
		}
	}
	if os.Getuid() == 0 {
		user := fmt.Sprintf("\n%d\n", taskUser())
		if !strings.Contains(one.stdout.String(), user) || strings.Contains(two.stdout.String(), user) {
			t.Errorf("of the two only the first is to run as user %d", taskUser())
		}
	}
}

// entries are what the tar stream of a blob says of its files, but for times.
func (s staged) entries(digest string) []string {
	s.t.Helper()
	content, err := s.store.Open(s.t.Context(), digest)
	if err != nil {
		s.t.Fatal(err)
	}
	defer content.Close()
	var all []string
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %o %d:%d %q:%q %d %q", h.Name, h.Mode, h.Uid, h.Gid, h.Uname, h.Gname, h.Size, h.PAXRecords))
	}
}
