package reconcile

import (
	"fmt"
	"strings"
	"testing"

	"wadi/spec"
	"wadi/stage/lifecycle"
)

func TestCheckDroplet(t *testing.T) {
	t.Parallel()
	one, memory := 1, 64
	web := process{Process: spec.Process{Type: spec.WebProcess, Instances: &one, MemoryMB: &memory}}
	d := desired{App: spec.App{
		Name: "shop", Pos: spec.Pos{File: "wadi.hcl", Line: 1}, FieldPos: map[string]spec.Pos{"sidecars": {File: "wadi.hcl", Line: 7}},
		Sidecars: []spec.Sidecar{{Name: "proxy", ProcessTypes: []string{"worker"}}},
	}, Processes: []process{web}}
	brings := func(memory int, name, processType string) lifecycle.Result {
		return lifecycle.Result{DropletMetadata: lifecycle.DropletMetadata{
			ProcessTypes: map[string]string{"web": "run"},
			Sidecars:     []lifecycle.Sidecar{{Name: name, ProcessTypes: []string{processType}, MemoryMB: memory}},
		}}
	}
	for name, c := range map[string]struct {
		result lifecycle.Result
		want   []string
	}{
		"an image":           {lifecycle.Result{Image: &lifecycle.ImageMetadata{}}, []string{"<nil>"}},
		"no command":         {lifecycle.Result{}, []string{"wadi.hcl:1: Start command not specified"}},
		"another name":       {brings(32, "agent", "web"), []string{"<nil>"}},
		"the name is taken":  {brings(0, "proxy", "web"), []string{"wadi.hcl:7", "Buildpack defined sidecar 'proxy' conflicts with an existing user-defined sidecar. Consider renaming 'proxy'."}},
		"all of the memory":  {brings(64, "agent", "web"), []string{`The memory allocation defined is too large to run with the dependent "web" process`, "64M of the process's 64M"}},
		"of another process": {brings(64, "agent", "worker"), []string{"<nil>"}},
	} {
		got := fmt.Sprint(checkDroplet(d, c.result))
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s, want %q", name, got, want)
			}
		}
	}
}
