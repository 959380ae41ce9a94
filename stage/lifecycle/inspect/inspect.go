// Package inspect asks registries for Docker images: manifest and
// configuration, never layers.
package inspect

import (
	"context"
	"errors"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"wadi/internal/sleep"
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
	Retry    Retry
}

// Image is the metadata of the image that a reference (as docker pull takes
// it) stands for now. Its error is an *Error, or that of ctx.
func Image(ctx context.Context, reference string, o Options) (lifecycle.ImageMetadata, error) {
	var none lifecycle.ImageMetadata
	ref, err := parse(reference, o.Insecure)
	if err != nil {
		return none, err
	}
	began := time.Now()
	for attempt := 1; ; attempt++ {
		g := &guard{insecure: o.Insecure, registry: ref.Context().RegistryStr(), certs: engineCerts}
		meta, err := ask(ctx, g, ref, o)
		if err == nil {
			return meta, nil
		}
		if ctx.Err() != nil {
			return none, context.Cause(ctx)
		}
		failure := explain(g, ref, o, err)
		wait, again := o.Retry.after(attempt, time.Since(began), failure)
		if !again {
			return none, failure
		}
		if o.Retry.Telling != nil {
			o.Retry.Telling(attempt, wait, failure)
		}
		if err := sleep.For(ctx, wait); err != nil {
			return none, err
		}
	}
}

func ask(ctx context.Context, g *guard, ref name.Reference, o Options) (lifecycle.ImageMetadata, error) {
	var none lifecycle.ImageMetadata
	auth := authn.Anonymous
	if o.Login != nil {
		auth = &authn.Basic{Username: o.Login.Username, Password: o.Login.Password}
	}
	found, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuth(auth), remote.WithUserAgent("wadi"),
		remote.WithTransport(g), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
	if err != nil {
		return none, err
	}
	image, err := imageFor(found, o.Arch)
	if err != nil {
		return none, err
	}
	file, err := configOf(image)
	if err != nil {
		return none, err
	}
	if !runsOn(platformOf(file), o.Arch) {
		return none, &platformError{have: []string{platformOf(file).String()}}
	}
	digest, err := image.Digest()
	if err != nil {
		return none, unreadable("manifest", err)
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

// IsUnreachable says whether the registry did not answer, or was not asked
// because others may and this user may not: nothing is known of the image.
func IsUnreachable(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && failure.Kind == Unreachable
}
