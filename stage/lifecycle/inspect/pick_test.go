package inspect

import (
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"wadi/stage/lifecycle"
)

// entry is one of an index; platform "os/arch[/variant]", "" = it does not say.
func entry(t *testing.T, add mutate.Appendable, platform string) mutate.IndexAddendum {
	t.Helper()
	out := mutate.IndexAddendum{Add: add}
	if platform != "" {
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		out.Descriptor.Platform = p
	}
	return out
}

// Of an index that image counts which all nodes run.
func TestIndexes(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ours, theirs := s.images["amd64"], s.images["arm64"]
	newer, err := mutate.Config(ours, v1.Config{Cmd: []string{"newer"}})
	if err != nil {
		t.Fatal(err)
	}
	index := func(entries ...mutate.IndexAddendum) v1.ImageIndex {
		return mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), entries...)
	}
	one := func(add mutate.Appendable, platform string) mutate.IndexAddendum { return entry(t, add, platform) }
	chart := mutate.ConfigMediaType(empty.Image, "application/vnd.cncf.helm.config.v1+json")
	for name, c := range map[string]struct {
		index v1.ImageIndex
		want  v1.Image // nil = an error
		says  string
	}{
		"nested":       {index(one(index(one(theirs, "linux/arm64"), one(ours, "linux/amd64")), "")), ours, ""},
		"nested-named": {index(one(index(one(ours, "")), "linux/amd64")), ours, ""},
		"deep":         {index(one(index(one(index(one(index(one(ours, "")), "")), "")), "")), nil, "is for no platform (its index has no image)"},
		"silent":       {index(one(chart, ""), one(theirs, ""), one(ours, "")), ours, ""},
		"silent-last":  {index(one(newer, ""), one(ours, "linux/amd64")), ours, ""},
		"others":       {index(one(theirs, ""), one(image(t, "s390x"), "linux/s390x")), nil, "is for linux/s390x, linux/arm64 only, and the nodes are linux/amd64"},
		"variants":     {index(one(newer, "linux/amd64/v3"), one(ours, "linux/amd64/v1")), ours, ""},
		"variant":      {index(one(theirs, "linux/arm64"), one(newer, "linux/amd64/v3")), newer, ""},
		"windows":      {index(one(ours, "windows/amd64")), nil, "is for windows/amd64 only"},
	} {
		if err := remote.WriteIndex(s.ref(t, name+":1"), c.index); err != nil {
			t.Fatal(err)
		}
		got, err := Image(t.Context(), s.host+"/team/"+name+":1", Options{Arch: "amd64"})
		if c.want == nil {
			checkError(t, err, NoPlatform, c.says)
			continue
		}
		digest, e := c.want.Digest()
		if e != nil {
			t.Fatal(e)
		}
		if err != nil || got.Digest != digest.String() {
			t.Errorf("%s: %s, %v, want %s", name, got.Digest, err, digest)
		}
	}
}

// What else registries keep is told by its name.
func TestArtifacts(t *testing.T) {
	t.Parallel()
	s := serve(t)
	answers := map[string][2]string{ // what is at a tag: media type and content
		"chart": {string(types.OCIManifestSchema1), `{"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"sha256:` + strings.Repeat("0", 64) + `"}}`},
		"sbom":  {string(types.OCIManifestSchema1), `{"schemaVersion":2,"artifactType":"application/spdx+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:` + strings.Repeat("0", 64) + `"}}`},
		"old":   {string(types.DockerManifestSchema1Signed), `{"schemaVersion":1}`},
		"torn":  {string(types.OCIManifestSchema1), `{"schemaVersion":2,`},
		"page":  {"text/html", "<html>"},
	}
	s.gate = func(w http.ResponseWriter, r *http.Request) {
		_, tag, _ := strings.Cut(r.URL.Path, "/manifests/")
		if a, ok := answers[tag]; ok {
			w.Header().Set("Content-Type", a[0])
			_, _ = io.WriteString(w, a[1])
		}
	}
	for tag, want := range map[string][2]string{
		"chart": {"it is a Helm chart", "name an image"},
		"sbom":  {`it is no image but "application/spdx+json"`, "name an image"},
		"old":   {"it is in Docker's old manifest format (schema 1)", "build the image anew"},
		"torn":  {"its manifest cannot be read: unexpected EOF", "build the image anew"},
		"page":  {"its manifest cannot be read: invalid character", "build the image anew"},
	} {
		_, err := Image(t.Context(), s.host+"/team/any:"+tag, Options{Arch: "amd64"})
		checkError(t, err, Invalid, "is none that can be run: "+want[0])
		if failure, ok := err.(*Error); !ok || !strings.Contains(failure.Hint(), want[1]) {
			t.Errorf("%s: %v", tag, err)
		}
	}
}

func TestExposed(t *testing.T) {
	t.Parallel()
	tcp := func(port int) lifecycle.ImagePort { return lifecycle.ImagePort{Port: port, Protocol: "tcp"} }
	for ports, want := range map[string][]lifecycle.ImagePort{
		"":                        nil,
		"8080/TCP 80":             {tcp(80), tcp(8080)},
		"8000-8002/tcp 8001":      {tcp(8000), tcp(8001), tcp(8002)},
		"100/sctp 53/udp 100/tcp": {{Port: 53, Protocol: "udp"}, {Port: 100, Protocol: "sctp"}, tcp(100)},
	} {
		set := map[string]struct{}{}
		for _, p := range strings.Fields(ports) {
			set[p] = struct{}{}
		}
		if got, err := exposed(set); err != nil || text(got) != text(want) {
			t.Errorf("%q: %s, %v, want %s", ports, text(got), err, text(want))
		}
	}
	for _, wrong := range []string{"", "/tcp", "web", "0", "65536", "9-8", "1-65536", "1-2-3", "-5"} {
		if got, err := exposed(map[string]struct{}{wrong: {}}); err == nil {
			t.Errorf("%q: %v", wrong, got)
		}
	}
	for ports, says := range map[string]string{
		"1-500":                     "",
		"1-500 1/udp 10-20/tcp":     "",
		"10000-20000/udp":           "",
		"1-501":                     "it exposes 501 TCP ports, more than 500",
		"1-65535/udp 1-65535/other": "it exposes 131070 ports, more than 65535",
	} {
		set := map[string]struct{}{}
		for _, p := range strings.Fields(ports) {
			set[p] = struct{}{}
		}
		if _, err := exposed(set); (err == nil) != (says == "") || err != nil && err.Error() != says {
			t.Errorf("%q: %v, want %q", ports, err, says)
		}
	}
}
