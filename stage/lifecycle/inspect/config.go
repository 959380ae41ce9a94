package inspect

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"wadi/stage/lifecycle"
)

// configOf is the configuration of an image. What is none is a *contentError.
func configOf(image v1.Image) (*v1.ConfigFile, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return nil, unreadable("manifest", err)
	}
	if kind := manifest.Config.MediaType; !isConfig(kind) {
		return nil, notImage(cmp.Or(manifest.ArtifactType, string(kind)))
	}
	raw, err := image.RawConfigFile()
	if err != nil {
		return nil, err
	}
	file, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return nil, unreadable("configuration", err)
	}
	return file, nil
}

const (
	// maxPorts bounds the ports that are read, of all protocols.
	maxPorts = 65535
	// maxTCP bounds those of TCP: every instance takes as many of its node's.
	maxTCP = 500
)

// exposed reads "8080/tcp", "53/udp", "80", "8000-8010/tcp"; ascending, of
// equal ones tcp first.
func exposed(ports map[string]struct{}) ([]lifecycle.ImagePort, error) {
	var out []lifecycle.ImagePort
	for text := range ports {
		numbers, protocol, _ := strings.Cut(text, "/")
		first, last, isRange := strings.Cut(numbers, "-")
		if !isRange {
			last = first
		}
		from, to := port(first), port(last)
		if from == 0 || to < from {
			return nil, &contentError{text: fmt.Sprintf("it exposes %q, which is no port", text)}
		}
		protocol = cmp.Or(strings.ToLower(protocol), "tcp")
		if n := len(out) + to - from + 1; n > maxPorts {
			return nil, tooManyPorts(n, "", maxPorts)
		}
		for n := from; n <= to; n++ {
			out = append(out, lifecycle.ImagePort{Port: n, Protocol: protocol})
		}
	}
	slices.SortFunc(out, func(a, b lifecycle.ImagePort) int {
		return cmp.Or(a.Port-b.Port, strings.Compare(a.Protocol, b.Protocol))
	})
	out = slices.Compact(out)
	tcp := 0
	for _, p := range out {
		if p.Protocol == "tcp" {
			tcp++
		}
	}
	if tcp > maxTCP {
		return nil, tooManyPorts(tcp, "TCP ", maxTCP)
	}
	return out, nil
}

func tooManyPorts(n int, kind string, limit int) error {
	return &contentError{
		text: fmt.Sprintf("it exposes %d %sports, more than %d", n, kind, limit),
		hint: "let its Dockerfile EXPOSE those alone that the app is asked at",
	}
}

// port reads a number of one; 0 = it is none.
func port(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return 0
	}
	return n
}
