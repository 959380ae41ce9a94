package staging

import (
	"slices"
	"testing"

	"wadi/stage/lifecycle"
)

// What the log says of an image leaves no doubt where an argument ends.
func TestDescribe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		meta lifecycle.ImageMetadata
		want []string
	}{
		{lifecycle.ImageMetadata{}, nil},
		{lifecycle.ImageMetadata{
			Entrypoint: []string{"/bin/sh", "-c"}, Cmd: []string{`echo "a b" && sleep 1`, "", "one\ntwo <ü>"}, Workdir: "/a b", User: "1:2", Env: []string{"SECRET=geheim"},
			Ports: []lifecycle.ImagePort{{Port: 53, Protocol: "udp"}, {Port: 80, Protocol: "tcp"}},
		}, []string{`entrypoint: ["/bin/sh", "-c"]`, `cmd: ["echo \"a b\" && sleep 1", "", "one\ntwo <ü>"]`, "working directory: /a b", "user: 1:2", "ports: 53/udp, 80/tcp"}},
	} {
		if got := describe(c.meta); !slices.Equal(got, c.want) {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}
