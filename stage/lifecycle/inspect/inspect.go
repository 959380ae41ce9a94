// Package inspect asks registries for Docker images: manifest and
// configuration, never layers.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"wadi/stage/lifecycle"
)

// Options say which of an image's platforms is meant, and how the registry is
// asked.
type Options struct {
	Arch  string // GOARCH; the operating system is linux
	Login *Login // nil = as anybody
	// Insecure are the registries ("host" or "host:port") that may be asked
	// by HTTP, or by TLS that proves nothing. Those on loopback always may.
	Insecure []string
	// Attempts is how often a registry is asked that does not answer; 0 = once.
	Attempts int
	// Patience is the time after which no further attempt begins; 0 = none.
	Patience time.Duration
	// Retrying is told of every failure that another attempt follows; may be nil.
	Retrying func(attempt int, err error)
}

// Attempts is how often Cloud Foundry asks a registry.
const Attempts = 4

// Image is the metadata of the image that a reference (as docker pull takes
// it) stands for now. Its error is an *Error, or that of ctx.
func Image(ctx context.Context, reference string, o Options) (lifecycle.ImageMetadata, error) {
	var none lifecycle.ImageMetadata
	ref, err := parse(reference, o.Insecure)
	if err != nil {
		return none, err
	}
	delay, began := time.Second/2, time.Now()
	for attempt := 1; ; attempt++ {
		meta, err := ask(ctx, ref, o)
		if err == nil {
			return meta, nil
		}
		if ctx.Err() != nil {
			return none, context.Cause(ctx)
		}
		failure := explain(ref, o, err)
		if failure.Kind != Unreachable || attempt >= o.Attempts || o.Patience > 0 && time.Since(began) > o.Patience {
			return none, failure
		}
		if o.Retrying != nil {
			o.Retrying(attempt, failure)
		}
		select {
		case <-ctx.Done():
			return none, context.Cause(ctx)
		case <-time.After(delay):
			delay *= 2
		}
	}
}

func ask(ctx context.Context, ref name.Reference, o Options) (lifecycle.ImageMetadata, error) {
	var none lifecycle.ImageMetadata
	auth := authn.Anonymous
	if o.Login != nil {
		auth = &authn.Basic{Username: o.Login.Username, Password: o.Login.Password}
	}
	found, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuth(auth), remote.WithUserAgent("wadi"),
		remote.WithTransport(&guard{insecure: o.Insecure}), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
	if err != nil {
		return none, err
	}
	image, err := imageFor(found, o.Arch)
	if err != nil {
		return none, err
	}
	digest, err := image.Digest()
	if err != nil {
		return none, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return none, err
	}
	if !runsOn(v1.Platform{OS: file.OS, Architecture: file.Architecture}, o.Arch) {
		return none, &platformError{have: []string{file.OS + "/" + file.Architecture}}
	}
	ports, err := exposed(file.Config.ExposedPorts)
	if err != nil {
		return none, err
	}
	return lifecycle.ImageMetadata{
		Image:  repository(ref) + "@" + digest.String(),
		Digest: digest.String(), Entrypoint: file.Config.Entrypoint, Cmd: file.Config.Cmd,
		Workdir: file.Config.WorkingDir, User: file.Config.User, Ports: ports, Env: file.Config.Env,
	}, nil
}

// imageFor picks the image for the platform out of an index.
func imageFor(found *remote.Descriptor, arch string) (v1.Image, error) {
	if !found.MediaType.IsIndex() {
		return found.Image()
	}
	index, err := found.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var have []string
	for _, m := range manifest.Manifests {
		if m.Platform == nil || m.Platform.OS == "unknown" { // of attestations, which are no images
			continue
		}
		if runsOn(*m.Platform, arch) {
			return index.Image(m.Digest)
		}
		have = append(have, m.Platform.String())
	}
	return nil, &platformError{have: slices.Compact(have)}
}

// runsOn says whether nodes of an architecture run images of a platform. An
// image that does not say what it is for is taken at the user's word.
func runsOn(p v1.Platform, arch string) bool {
	return (p.OS == "linux" || p.OS == "") && (p.Architecture == arch || p.Architecture == "")
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

// IsUnreachable says whether the registry did not answer, so that nothing is
// known of the image.
func IsUnreachable(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && failure.Kind == Unreachable
}
