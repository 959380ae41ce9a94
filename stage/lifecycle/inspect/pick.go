package inspect

import (
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// imageFor is the image for the platform that a reference stands for.
func imageFor(found *remote.Descriptor, arch string) (v1.Image, error) {
	if !found.MediaType.IsIndex() {
		image, err := found.Image()
		if errors.Is(err, remote.ErrSchema1) {
			return nil, &contentError{text: "it is in Docker's old manifest format (schema 1), which engines no longer run"}
		}
		return image, err
	}
	index, err := found.ImageIndex()
	if err != nil {
		return nil, unreadable("index", err)
	}
	p := picker{arch: arch}
	image, err := p.pick(index, maxNesting)
	if err == nil && image == nil {
		err = &platformError{have: slices.Compact(p.have)}
	}
	return image, err
}

// maxNesting is how deep an index may lie in others, and maxAsked how many
// images are looked into whose index does not say what they are for.
const (
	maxNesting = 3
	maxAsked   = 16
)

// picker looks for the image of a platform in an index.
type picker struct {
	arch  string
	asked int
	have  []string // what it is for, if not for that
}

// pick is nil where the index has no image for the platform. What runs on all
// its nodes goes before what needs newer ones, and that before what does not
// say what it is for.
func (p *picker) pick(index v1.ImageIndex, depth int) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, unreadable("index", err)
	}
	var candidates [3][]v1.Descriptor
	for _, m := range manifest.Manifests {
		switch {
		case m.Platform == nil:
			candidates[2] = append(candidates[2], m)
		case m.Platform.OS == "unknown": // of attestations, which are no images
		case !runsOn(*m.Platform, p.arch):
			p.have = append(p.have, m.Platform.String())
		case !isBaseline(*m.Platform):
			candidates[1] = append(candidates[1], m)
		default:
			candidates[0] = append(candidates[0], m)
		}
	}
	for _, m := range slices.Concat(candidates[:]...) {
		if image, err := p.open(index, m, depth); image != nil || err != nil {
			return image, err
		}
	}
	return nil, nil
}

// open is the image of an entry, or, where that is an index itself, the one in
// there; nil if it is for another platform, or no image at all.
func (p *picker) open(index v1.ImageIndex, m v1.Descriptor, depth int) (v1.Image, error) {
	switch {
	case m.MediaType.IsIndex() && depth > 1:
		inner, err := index.ImageIndex(m.Digest)
		if err != nil {
			return nil, err
		}
		return p.pick(inner, depth-1)
	case !m.MediaType.IsImage():
		return nil, nil
	}
	image, err := index.Image(m.Digest)
	if err != nil || m.Platform != nil {
		return image, err
	}
	if p.asked++; p.asked > maxAsked {
		return nil, nil
	}
	file, err := configOf(image)
	var other *contentError
	switch {
	case errors.As(err, &other):
		return nil, nil
	case err != nil:
		return nil, err
	case runsOn(platformOf(file), p.arch):
		return image, nil
	}
	p.have = append(p.have, platformOf(file).String())
	return nil, nil
}

// runsOn says whether nodes of an architecture run images of a platform. An
// image that does not say what it is for is taken at the user's word.
func runsOn(p v1.Platform, arch string) bool {
	return (p.OS == "linux" || p.OS == "") && (p.Architecture == arch || p.Architecture == "")
}

// isBaseline says whether an image wants no more of a processor than all of
// its architecture have.
func isBaseline(p v1.Platform) bool {
	return p.Variant == "" || p.Architecture == "amd64" && p.Variant == "v1" || p.Architecture == "arm64" && p.Variant == "v8"
}

func platformOf(file *v1.ConfigFile) v1.Platform {
	return v1.Platform{OS: file.OS, Architecture: file.Architecture, Variant: file.Variant}
}

// isConfig says whether the configuration of a manifest is that of an image.
// The odd ones are what engines take too: registries and builders have called
// it so.
func isConfig(t types.MediaType) bool {
	switch t {
	case types.DockerConfigJSON, types.OCIConfigJSON, "application/octet-stream", "application/json", "text/html", "":
		return true
	}
	return false
}

// contentError is something in a registry that is no image which nodes run.
type contentError struct {
	text string
	hint string // "" = to build it anew
}

func (e *contentError) Error() string { return e.text }

func unreadable(what string, err error) error {
	return &contentError{text: fmt.Sprintf("its %s cannot be read: %v", what, err)}
}

// otherKinds are what people keep in registries beside images.
var otherKinds = map[string]string{
	"application/vnd.cncf.helm.config.v1+json": "a Helm chart",
	"application/vnd.docker.plugin.v1+json":    "a plugin of Docker's",
}

func notImage(mediaType string) error {
	text, ok := otherKinds[mediaType]
	if !ok {
		text = fmt.Sprintf("no image but %q", mediaType)
	}
	return &contentError{text: "it is " + text, hint: "name an image: a registry keeps other things too, under names of the same form"}
}
