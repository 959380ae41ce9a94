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
		for n := from; n <= to; n++ {
			out = append(out, lifecycle.ImagePort{Port: n, Protocol: cmp.Or(strings.ToLower(protocol), "tcp")})
		}
	}
	slices.SortFunc(out, func(a, b lifecycle.ImagePort) int {
		return cmp.Or(a.Port-b.Port, strings.Compare(a.Protocol, b.Protocol))
	})
	return slices.Compact(out), nil
}

// port reads a number of one; 0 = it is none.
func port(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return 0
	}
	return n
}
