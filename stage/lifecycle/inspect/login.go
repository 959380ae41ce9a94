package inspect

import (
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Login is who asks a registry: by basic authentication, or for a token where
// the registry wants one.
type Login struct{ Username, Password string }

// DockerLogin is the login for an image's registry in Docker's own
// configuration (DOCKER_CONFIG, or ~/.docker), credential helpers included;
// nil = there is none.
func DockerLogin(reference string) (*Login, error) {
	ref, err := parse(reference, nil)
	if err != nil {
		return nil, err
	}
	auth, err := authn.DefaultKeychain.Resolve(ref.Context())
	if err != nil {
		return nil, fmt.Errorf("reading the login for %s from Docker's configuration: %w", registryOf(ref), err)
	}
	config, err := auth.Authorization()
	if err != nil {
		return nil, fmt.Errorf("reading the login for %s from Docker's configuration: %w", registryOf(ref), err)
	}
	if config.Username == "" || config.Password == "" { // an identity token is of no use to nodes
		return nil, nil
	}
	return &Login{config.Username, config.Password}, nil
}
