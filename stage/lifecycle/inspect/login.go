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
	config, err := dockerConfig(ref.Context())
	if err != nil {
		// a helper for the registry may have what one for the repository lacks
		if other, e := dockerConfig(ref.Context().Registry); e == nil {
			config, err = other, nil
		}
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the login for %s from Docker's configuration: %w", registryOf(ref), err)
	case config.Username != "" && config.Password != "":
		return &Login{config.Username, config.Password}, nil
	case config.IdentityToken != "" || config.RegistryToken != "":
		return nil, fmt.Errorf("the login for %s in Docker's configuration is a token in place of a password, and with that Nomad's nodes cannot pull", registryOf(ref))
	}
	return nil, nil
}

func dockerConfig(resource authn.Resource) (*authn.AuthConfig, error) {
	auth, err := authn.DefaultKeychain.Resolve(resource)
	if err != nil {
		return nil, err
	}
	return auth.Authorization()
}
