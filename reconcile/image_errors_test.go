package reconcile

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wadi/spec"
	"wadi/stage/lifecycle/inspect"
)

// TestImageErrors: what a registry says against an app's image points at the
// image in the file, and says what to do.
func TestImageErrors(t *testing.T) {
	t.Parallel()
	answer := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			} else if r.URL.Path == "/v2/" {
				return
			}
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const index = `{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
		{"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1, "digest": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "platform": {"os": "linux", "architecture": "pdp11"}}]}`
	for name, c := range map[string]struct {
		registry   http.HandlerFunc
		says, hint string
	}{
		"no such image":                  {answer(http.StatusNotFound, "application/json", `{}`), "there is no image", "check its name"},
		"no login":                       {answer(http.StatusUnauthorized, "application/json", `{}`), "without a login", "set docker.username"},
		"no such platform":               {answer(http.StatusOK, "application/vnd.oci.image.index.v1+json", index), "is for linux/pdp11 only", "buildx"},
		"no image for nodes":             {answer(http.StatusOK, "application/json", `[]`), "none that can be run", "build the image anew"},
		"down, and no stack to ask from": {answer(http.StatusServiceUnavailable, "text/plain", "starting"), "does not answer", "check that the registry runs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.registry)
			t.Cleanup(server.Close)
			host := strings.TrimPrefix(server.URL, "http://")
			d, dir := imageApp(t, host+"/team/app:1")
			_, err := testReconciler().resolveImage(t.Context(), d, newRegistries(), revisionRecord{})
			checkImageError(t, dir, host+"/team/app:1", err, c.says, c.hint)
		})
	}
	for kind, says := range map[inspect.Kind]string{inspect.Insecure: "was not asked", inspect.BadName: "no name of an image"} {
		d, dir := imageApp(t, "registry.example.com/app")
		err := imageError(d, &inspect.Error{Kind: kind, Reference: "registry.example.com/app", Registry: "registry.example.com", Err: io.EOF})
		checkImageError(t, dir, "registry.example.com/app", err, says, "")
	}
}

// imageApp is an app of an image that a manifest in the folder describes.
func imageApp(t *testing.T, image string) (desired, string) {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf("applications:\n- name: a\n  docker:\n    image: %s\n", image)
	if err := os.WriteFile(filepath.Join(dir, "manifest.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	doc, diags := spec.Load(t.Context(), spec.Options{FS: spec.OSFS(), Dir: dir})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	d, diags := desire(doc.Apps[0], Options{Domain: "localhost"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return d, dir
}

func checkImageError(t *testing.T, dir, image string, err error, says, hint string) {
	t.Helper()
	diags, ok := err.(spec.Diagnostics)
	if !ok || len(diags) != 1 {
		t.Fatalf("error %v", err)
	}
	var text bytes.Buffer
	if err := spec.WriteText(&text, diags, dir, false); err != nil {
		t.Fatal(err)
	}
	where := fmt.Sprintf("\n  on manifest.yml line 4, in applications[0].docker.image:\n   4:     image: %s\n                 %s\n", image, strings.Repeat("^", len(image)))
	if !strings.HasPrefix(text.String(), `Error: app "a": `) || !strings.Contains(diags[0].Summary, says) || !strings.Contains(text.String(), where) || !strings.Contains(diags[0].Detail, hint) || diags[0].Detail == "" {
		t.Errorf("%s\nwant %q, %s\n%s", &text, says, where, hint)
	}
}
