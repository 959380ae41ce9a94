package reconcile

import (
	"cmp"
	"strings"
	"testing"

	"wadi/spec"
	"wadi/stage/lifecycle"
)

func TestIsRoot(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]bool{"": true, "root": true, "0": true, "0:0": true, "root:staff": true, "00": true,
		"1000": false, "vcap": false, "10:0": false, "rooty": false} {
		if isRoot(user) != want {
			t.Errorf("isRoot(%q) = %v", user, !want)
		}
	}
}

func TestCheckImage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meta    lifecycle.ImageMetadata
		command string
		user    *string
		noRoot  bool
		want    string // in the errors; "" = none
		field   string // "" = docker.image
	}{
		"its own command":         {meta: lifecycle.ImageMetadata{Cmd: []string{"x"}}},
		"a command":               {command: "x"},
		"no command":              {want: "no start command found or specified"},
		"root":                    {command: "x", noRoot: true, want: "run process web as root user"},
		"another user":            {meta: lifecycle.ImageMetadata{User: "1000"}, command: "x", noRoot: true},
		"the process's user":      {command: "x", user: new("1000"), noRoot: true},
		"root by the files again": {meta: lifecycle.ImageMetadata{User: "1000"}, command: "x", user: new("root"), noRoot: true, want: "as root user", field: "process.web.user"},
	} {
		app := spec.App{Name: "a", Field: "app.a", Docker: &spec.Docker{Image: "img"}, FieldPos: map[string]spec.Pos{"process.web.user": {}}, Processes: []spec.Process{{Type: "web", User: c.user, Command: spec.Command{Text: c.command}}}}
		d, _ := desire(app, Options{Domain: "localhost", RefuseRoot: c.noRoot})
		got := ""
		for _, diag := range checkImage(d, c.meta) {
			got += diag.Summary + "\n"
			if want := "app.a." + cmp.Or(c.field, "docker.image"); diag.Field != want {
				t.Errorf("%s: in %s, want %s", name, diag.Field, want)
			}
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// An image needs no stack; one of containers says on which nodes it runs.
func TestImageStack(t *testing.T) {
	t.Parallel()
	o := Options{Domain: "localhost", Stacks: map[string]spec.Stack{
		"boxes": {Name: "boxes", Driver: "docker", Image: "rootfs", Placement: spec.Placement{NodePool: "edge"}},
		"bare":  {Name: "bare", Driver: "raw_exec", Placement: spec.Placement{NodePool: "metal"}},
	}}
	for stack, pool := range map[string]string{"": "", "boxes": "edge", "bare": "", "cflinuxfs4": ""} {
		d, diags := desire(spec.App{Name: "a", Stack: stack, Docker: &spec.Docker{Image: "img"}}, o)
		if d.Stack.Driver != "docker" || d.Stack.NodePool != pool || len(diags) > 0 {
			t.Errorf("stack %q: %+v, %v", stack, d.Stack, diags)
		}
	}
}
