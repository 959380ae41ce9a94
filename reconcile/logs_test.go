package reconcile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/spec"
	"wadi/stage/blob"
)

func stub(id, kind, app, project string) *api.JobListStub {
	return &api.JobListStub{ID: id, Type: kind, Meta: map[string]string{
		nomad.MetaOwner: nomad.Owner, nomad.MetaApp: app, nomad.MetaProject: project}}
}

func ids(jobs []*api.JobListStub) string {
	var out []string
	for _, j := range jobs {
		out = append(out, j.ID)
	}
	return strings.Join(out, " ")
}

func TestChooseJobs(t *testing.T) {
	t.Parallel()
	odd := spec.JobID("My App")
	jobs := []*api.JobListStub{
		stub("web", "service", "web", "shop"), stub("api", "service", "api", "shop"), stub(odd, "service", "My App", "other"),
		stub("stage-web-1", "batch", "web", "shop"),
	}
	for _, c := range []struct {
		names   []string
		project string
		want    string
		hint    string // of the error
	}{
		{nil, "shop", "api web", ""},
		{nil, "", odd + " api web", ""},
		{nil, "nobody", "", ""},
		{[]string{"web", "web"}, "", "web", ""},
		{[]string{"My App"}, "shop", odd, ""}, // a name counts in every project
		{[]string{"wbe"}, "", "", `did you mean "web"? There are: My App, api, web`},
		{[]string{"web", "somethingelse"}, "", "", "there are: My App, api, web"},
		{[]string{"stage-web-1"}, "", "", "there are: My App, api, web"},
	} {
		got, err := chooseJobs(jobs, c.names, c.project, "default")
		if c.hint != "" {
			e, ok := err.(*UnknownAppError)
			if !ok || e.Hint() != c.hint {
				t.Errorf("%v: %v, want the hint %q", c.names, err, c.hint)
			}
			continue
		}
		if err != nil || len(strings.Fields(c.want)) != len(got) || !sameFields(ids(got), c.want) {
			t.Errorf("%v of %q: %q, %v, want %q", c.names, c.project, ids(got), err, c.want)
		}
	}
	if _, err := chooseJobs(nil, []string{"web"}, "", "default"); err == nil || !strings.Contains(err.(*UnknownAppError).Hint(), "wadi apply") {
		t.Errorf("where nothing runs: %v", err)
	}
}

func sameFields(a, b string) bool {
	set := map[string]int{}
	for _, f := range strings.Fields(a) {
		set[f]++
	}
	for _, f := range strings.Fields(b) {
		set[f]--
	}
	for _, n := range set {
		if n != 0 {
			return false
		}
	}
	return true
}

func instance(id, name string, created uint64, client, want string) *api.AllocationListStub {
	group := name[strings.IndexByte(name, '.')+1 : strings.IndexByte(name, '[')]
	return &api.AllocationListStub{ID: id, Name: name, TaskGroup: group, CreateIndex: created, ClientStatus: client, DesiredStatus: want}
}

func TestRecentOf(t *testing.T) {
	t.Parallel()
	allocs := []*api.AllocationListStub{
		instance("e", "a.web[0]", 50, "running", "run"), instance("a", "a.web[0]", 10, "failed", "stop"),
		instance("c", "a.web[0]", 30, "failed", "stop"), instance("b", "a.web[0]", 20, "failed", "stop"),
		instance("d", "a.web[1]", 40, "running", "run"), instance("f", "a.worker[0]", 45, "complete", "stop"),
	}
	for _, c := range []struct {
		o    LogOptions
		per  int
		want string
	}{
		{LogOptions{Instance: -1}, 3, "b c d f e"},
		{LogOptions{Instance: -1}, 1, "d f e"},
		{LogOptions{Instance: -1, Process: "web"}, 2, "c d e"},
		{LogOptions{Instance: 1}, 3, "d"},
		{LogOptions{Instance: 0, Process: "worker"}, 3, "f"},
	} {
		var got []string
		for _, a := range recentOf(allocs, c.o, c.per) {
			got = append(got, a.ID)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v, want %s", c.o, got, c.want)
		}
	}
}

func TestFollowedJobs(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("ab", 32)
	staging := blob.StagingJobID("web", key, "x1")
	all := []*api.JobListStub{
		stub("web", "service", "web", "shop"), stub("other", "service", "other", "else"),
		stub(staging, "batch", "web", "shop"), stub(blob.StagingJobID("other", key, "x2"), "batch", "other", "else"),
		stub("task", "batch", "web", "shop"), stub("new", "service", "new", "shop"),
	}
	followed := all[:1]
	if got := ids(followedJobs(all, followed, false, "")); got != "web "+staging {
		t.Errorf("a named app: %q", got)
	}
	if got := ids(followedJobs(all, followed, true, "shop")); got != "web "+staging+" new" {
		t.Errorf("a project: %q", got)
	}
	if got := ids(followedJobs(all[1:2], followed, false, "")); got != "" {
		t.Errorf("after the app was destroyed: %q", got)
	}
}

func TestOverwritten(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{"": "", "whole": "whole", "1 %\r20 %\r100 %": "100 %"} {
		if got := overwritten(line); got != want {
			t.Errorf("%q shows %q, want %q", line, got, want)
		}
	}
}

func TestLineWriter(t *testing.T) {
	t.Parallel()
	var got []string
	w := &lineWriter{line: func(text string) { got = append(got, text) }}
	for _, part := range []string{"a\r\nb", "c\n", "\n", "GET /a\rGET", " /b\r\n", "no end"} {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	w.flush()
	w.flush()
	if d := cmp.Diff([]string{"a", "bc", "", "GET /a\rGET /b", "no end"}, got); d != "" {
		t.Error(d)
	}
	got = nil
	long := strings.Repeat("x", 10<<20)
	for i := 0; i < len(long); i += 32 << 10 {
		if _, err := w.Write([]byte(long[i : i+32<<10])); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	for _, line := range got {
		if len(line) > maxLine+32<<10 {
			t.Errorf("a part of %d bytes", len(line))
		}
	}
	if strings.Join(got, "") != long {
		t.Error("the parts are not the line")
	}
}
