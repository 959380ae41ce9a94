package lifecycle

import (
	"slices"
	"strings"
)

// ImageMetadata is what staging finds out about an app's Docker image: from
// the registry's manifest and configuration alone, never from layers. It is
// Cloud Foundry's execution metadata, with the digest that a tag stood for,
// and the environment, which there the container runtime adds.
type ImageMetadata struct {
	// Image is what a node pulls, pinned: "host/repository@sha256:…".
	Image string `json:"image"`
	// Digest is that of the manifest for the platform of the tasks
	// ("sha256:…"), the same as in Image.
	Digest     string      `json:"digest"`
	Entrypoint []string    `json:"entrypoint,omitempty"`
	Cmd        []string    `json:"cmd,omitempty"`
	Workdir    string      `json:"workdir,omitempty"` // "" = /
	User       string      `json:"user,omitempty"`    // name or number, also "user:group"; "" = root
	Ports      []ImagePort `json:"ports,omitempty"`   // exposed; ascending, of equal ones tcp first
	Env        []string    `json:"env,omitempty"`     // "NAME=value"
}

// ImageSource is where staging finds an image.
type ImageSource struct {
	// Reference is as docker pull takes it; with a digest where the plan
	// knows which image is meant.
	Reference string `json:"reference"`
	// Username is "" where the registry asks nobody who they are.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	// LoginFile has both, below secrets/: items of a Nomad Variable (JSON).
	LoginFile string `json:"login_file,omitempty"`
	// Insecure are the registries that may be asked without encryption.
	Insecure []string `json:"insecure,omitempty"`
}

// ImagePort is one port that an image exposes. Protocol is "tcp" or "udp".
type ImagePort struct {
	Port     int    `json:"port"`
	Protocol string `json:"protocol"`
}

// Command is what the image starts.
func (m ImageMetadata) Command() []string { return slices.Concat(m.Entrypoint, m.Cmd) }

// ImageResult is the result of staging an image.
func ImageResult(m ImageMetadata) Result {
	return Result{Image: &m, DropletMetadata: DropletMetadata{
		LifecycleType: "docker", ProcessTypes: map[string]string{"web": strings.Join(m.Command(), " ")},
	}}
}

// DefaultPort is where apps listen that nobody told another port.
const DefaultPort = 8080

// ExposesTCP says whether the image names TCP ports of its own.
func (m ImageMetadata) ExposesTCP() bool { return len(m.exposedTCP()) > 0 }

func (m ImageMetadata) exposedTCP() []int {
	var ports []int
	for _, p := range m.Ports {
		if p.Protocol == "tcp" {
			ports = append(ports, p.Port)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// TCPPorts are the ports of an app of the image, ascending. The first one is
// its PORT; an image that exposes none listens on DefaultPort.
func (m ImageMetadata) TCPPorts() []int {
	if ports := m.exposedTCP(); len(ports) > 0 {
		return ports
	}
	return []int{DefaultPort}
}
