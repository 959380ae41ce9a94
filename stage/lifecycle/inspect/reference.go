package inspect

import (
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// hub is how Docker Hub is called where people read it, and by nodes.
const hub = "docker.io"

// localhost is the name with its port, which the library wants there.
const localhost = "localhost:80"

// parse reads an image's name as docker pull does: without a host it is on
// Docker Hub, without a tag "latest" is meant.
func parse(reference string, insecure []string) (name.Reference, error) {
	var options []name.Option
	if host, _, _ := strings.Cut(reference, "/"); mayBeInsecure(host, insecure) {
		options = append(options, name.Insecure)
	}
	full := reference
	if rest, ok := strings.CutPrefix(reference, "localhost/"); ok {
		full = localhost + "/" + rest // or it would be taken for an account of Docker Hub
	}
	ref, err := name.ParseReference(full, options...)
	if err != nil {
		return nil, &Error{Kind: BadName, Reference: reference, Err: err}
	}
	return ref, nil
}

// repository is the full name of a reference without its tag or digest.
func repository(ref name.Reference) string {
	return registryOf(ref) + "/" + ref.Context().RepositoryStr()
}

func registryOf(ref name.Reference) string {
	switch host := ref.Context().RegistryStr(); host {
	case name.DefaultRegistry:
		return hub
	case localhost:
		return "localhost"
	default:
		return host
	}
}

// Registry is the host that has an image: "docker.io" for "busybox".
func Registry(reference string) (string, error) {
	ref, err := parse(reference, nil)
	if err != nil {
		return "", err
	}
	return registryOf(ref), nil
}

// whyNoName says what is wrong with a name, "" where that is not plain.
func whyNoName(reference string) string {
	if lower := strings.ToLower(reference); lower != reference {
		if _, err := parse(lower, nil); err == nil {
			return ": names of images are in lower case"
		}
	}
	switch _, digest, found := strings.Cut(reference, "@"); {
	case strings.ContainsAny(reference, " \t\n"):
		return ": it has blanks in it"
	case strings.HasSuffix(reference, ":"):
		return ": its tag is empty"
	case found && !digestForm.MatchString(digest):
		return ": after the @ there is a digest, sha256:… with 64 figures"
	}
	return ""
}

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
