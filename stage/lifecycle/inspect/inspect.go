// Package inspect asks registries for Docker images: manifest and
// configuration, never layers.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"wadi/stage/lifecycle"
)

// Options say which of an image's platforms is meant, and with whose
// credentials the registry is asked.
type Options struct {
	Arch     string         // GOARCH; the operating system is linux
	Keychain authn.Keychain // nil = DOCKER_CONFIG, as docker itself has it
}

// Image is the metadata of the image that a reference (as docker pull takes
// it) stands for now.
func Image(ctx context.Context, reference string, o Options) (lifecycle.ImageMetadata, error) {
	var none lifecycle.ImageMetadata
	ref, err := name.ParseReference(reference)
	if err != nil {
		return none, fmt.Errorf("the image %q has no proper name: %w", reference, err)
	}
	keychain := o.Keychain
	if keychain == nil {
		keychain = authn.DefaultKeychain
	}
	image, err := remote.Image(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: o.Arch}), remote.WithUserAgent("wadi"))
	if err != nil {
		return none, explain(reference, ref, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return none, explain(reference, ref, err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return none, explain(reference, ref, err)
	}
	if file.Architecture != "" && file.Architecture != o.Arch || file.OS != "" && file.OS != "linux" {
		return none, fmt.Errorf("the image %s is for %s/%s, and apps run on linux/%s", reference, file.OS, file.Architecture, o.Arch)
	}
	ports, err := exposed(file.Config.ExposedPorts)
	if err != nil {
		return none, fmt.Errorf("the image %s: %w", reference, err)
	}
	return lifecycle.ImageMetadata{
		Image:  ref.Context().Name() + "@" + digest.String(),
		Digest: digest.String(), Entrypoint: file.Config.Entrypoint, Cmd: file.Config.Cmd,
		Workdir: file.Config.WorkingDir, User: file.Config.User, Ports: ports, Env: file.Config.Env,
	}, nil
}

// exposed reads "8080/tcp", "53/udp", "80"; ascending, of equal ones tcp first.
func exposed(ports map[string]struct{}) ([]lifecycle.ImagePort, error) {
	var out []lifecycle.ImagePort
	for text := range ports {
		number, protocol, _ := strings.Cut(text, "/")
		port, err := strconv.Atoi(number)
		if err != nil || port < 1 || port > 65535 {
			return nil, fmt.Errorf("it exposes %q, which is no port", text)
		}
		if protocol == "" {
			protocol = "tcp"
		}
		out = append(out, lifecycle.ImagePort{Port: port, Protocol: protocol})
	}
	slices.SortFunc(out, func(a, b lifecycle.ImagePort) int {
		if a.Port != b.Port {
			return a.Port - b.Port
		}
		return strings.Compare(a.Protocol, b.Protocol)
	})
	return out, nil
}

// explain says in words what a registry's answer means.
func explain(reference string, ref name.Reference, err error) error {
	var answer *transport.Error
	if errors.As(err, &answer) {
		switch answer.StatusCode {
		case http.StatusNotFound:
			return fmt.Errorf("there is no image %s at %s: check its name and tag", reference, ref.Context().RegistryStr())
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("the registry %s does not let us have the image %s (status %d): log in with `docker login %[1]s`, or check the name", ref.Context().RegistryStr(), reference, answer.StatusCode)
		}
	}
	return fmt.Errorf("asking the registry %s for the image %s: %w", ref.Context().RegistryStr(), reference, err)
}
