package lifecycle

import (
	"slices"
	"testing"
)

func TestTCPPorts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   []ImagePort
		want []int
	}{
		"none":     {nil, []int{8080}},
		"udp only": {[]ImagePort{{53, "udp"}}, []int{8080}},
		"several":  {[]ImagePort{{9000, "tcp"}, {53, "udp"}, {80, "tcp"}, {80, "tcp"}}, []int{80, 9000}},
	} {
		if got := (ImageMetadata{Ports: c.in}).TCPPorts(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
