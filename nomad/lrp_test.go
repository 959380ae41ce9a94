package nomad

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"wadi/internal/golden"
)

func testLRP() LRP {
	return LRP{
		ID: "shop", App: "Shop ${HOME}", Project: "test", Space: "default",
		Placement:   Placement{Driver: "raw_exec", Arch: "amd64", MinHealthy: time.Second},
		Lifecycle:   Lifecycle{URL: "http://127.0.0.1:8470/v1/lifecycle/abc", SHA256: "abc"},
		RevisionKey: "r-123", EnvironmentKey: "e-123", Routes: []string{"shop.localhost", "*.example.com/a${b}"},
		Processes: []LRPProcess{
			{Group: "web", Count: 3, MemoryMB: 256, DiskMB: 1024, Web: true, MaxInFlight: 1, StartTimeout: time.Minute},
			{Group: "worker", Count: 0, MemoryMB: 1024, DiskMB: 512, MaxInFlight: 2, StartTimeout: 2 * time.Minute},
		},
	}
}

// dockerLRP is the same app on a stack of the docker driver.
func dockerLRP(ownNetwork bool) LRP {
	in := testLRP()
	in.Placement.Driver = DriverDocker
	in.Placement.Container = Container{Image: "registry.example.com/cflinuxfs4@sha256:abc", Rootfs: true, HostNetwork: !ownNetwork}
	return in
}

// placedLRP is an app whose stack and processes say where they run.
func placedLRP() LRP {
	in := testLRP()
	in.Placement.NodePool, in.Placement.Datacenters, in.Placement.Priority = "big", []string{"eu-*"}, 70
	in.Placement.Constraints = []Constraint{{"attr.cpu.arch", "!=", "arm64"}, {"", "distinct_hosts", "true"}}
	in.Processes[0].Nodes = Nodes{Datacenters: []string{"eu-1", "us.*"}, Constraints: []Constraint{{"meta.rack", "set_contains_any", "a,b"}}}
	in.Processes[1].Nodes = Nodes{NodePool: "batch"}
	return in
}

// A one-off task runs where the app may.
func TestPlacementOfAJob(t *testing.T) {
	t.Parallel()
	in := placedLRP()
	in.Processes = in.Processes[:1] // the pool of a job with two is that of all nodes
	got, want := PlacementOf(LRPJob(in)), in.Placement
	want.MinHealthy = 0 // is not the task's
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// imageLRP is an app of an image of its own.
func imageLRP() LRP {
	in := testLRP()
	in.Placement.Driver = DriverDocker
	in.Placement.Container = Container{Image: "registry.example.com/shop@sha256:abc", NoRoot: true}
	in.Processes[0].Ports = []int{80, 9090}
	return in
}

// privateLRP is one that nobody pulls without a login.
func privateLRP() LRP {
	in := imageLRP()
	in.Placement.Container.Login = "abc123"
	return in
}

// variableLRP is one whose login the user keeps.
func variableLRP() LRP {
	in := imageLRP()
	in.Placement.Container.LoginVariable = "shared/registry"
	return in
}

// Whose instances write wherever they may.
func TestOwnsImage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   LRP
		want bool
	}{"on the node": {testLRP(), false}, "on a stack": {dockerLRP(true), false}, "an image": {imageLRP(), true}} {
		if got := OwnsImage(LRPJob(c.in).TaskGroups[0]); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The shape of these jobs is expensive to change: every difference replaces
// every running instance of everybody.
func TestJobShapes(t *testing.T) {
	t.Parallel()
	for name, job := range map[string]*api.Job{
		"lrp":        LRPJob(testLRP()),
		"lrp-placed": LRPJob(placedLRP()),
		"staging": StagingJob(Staging{ID: "wadi_stage_shop_0123456789abcdef_x1", App: "shop", Project: "test", Space: "default",
			Placement: Placement{Driver: "raw_exec", Arch: "amd64"}, Lifecycle: Lifecycle{URL: "http://127.0.0.1:8470/v1/lifecycle/abc", SHA256: "abc"},
			MemoryMB: 1024, DiskMB: 4096}),
		"task": TaskJob(OneOff{ID: "wadi_task_shop_x1", Name: "migrate", App: "shop", Project: "test", Space: "default",
			Placement: Placement{Driver: "raw_exec", Arch: "amd64"}, Lifecycle: Lifecycle{URL: "http://127.0.0.1:8470/v1/lifecycle/abc", SHA256: "abc"},
			Credentials: []Credentials{{Path: "shared/db", File: "credentials-0.json"}}, Files: []string{"revision.json", "task.json"}, MemoryMB: 256, DiskMB: 1024}),
		"lrp-image":          LRPJob(imageLRP()),
		"lrp-image-login":    LRPJob(privateLRP()),
		"lrp-docker":         LRPJob(dockerLRP(false)),
		"lrp-docker-bridged": LRPJob(dockerLRP(true)),
		"staging-docker": StagingJob(Staging{ID: "wadi_stage_shop_0123456789abcdef_x1", App: "shop", Project: "test", Space: "default",
			Placement: dockerLRP(false).Placement, Lifecycle: Lifecycle{URL: "http://127.0.0.1:8470/v1/lifecycle/abc", SHA256: "abc"},
			MemoryMB: 1024, DiskMB: 4096}),
		"platform": NewPlatformJob(PlatformJob{ID: BlobStoreJobID, Arch: "amd64", Binary: "/cache/wadi", Args: []string{"blobstore"},
			Port: 8470, CheckPath: "/v1/health", MemoryMB: 256, TokenKey: "token"}),
	} {
		js, err := json.MarshalIndent(job, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, "job/"+name+".json", append(dropNulls.ReplaceAll(js, nil), '\n'))
	}
}

var dropNulls = regexp.MustCompile(`(?m)^\s+"\w+": (null|""),?\n`)

// TestCountAndRoutesLeaveTheTaskAlone compares what Nomad replaces instances for.
func TestCountAndRoutesLeaveTheTaskAlone(t *testing.T) {
	t.Parallel()
	task := func(change func(*LRP)) string {
		in := testLRP()
		change(&in)
		js, _ := json.Marshal(LRPJob(in).TaskGroups[0].Tasks)
		return string(js)
	}
	same := task(func(*LRP) {})
	for name, change := range map[string]func(*LRP){
		"count":  func(in *LRP) { in.Processes[0].Count = 9 },
		"routes": func(in *LRP) { in.Routes = nil },
	} {
		if task(change) != same {
			t.Errorf("%s changes the task, which replaces every instance", name)
		}
	}
}

func TestNoUserTextIsInterpolated(t *testing.T) {
	t.Parallel()
	job := LRPJob(testLRP())
	for _, g := range job.TaskGroups {
		for _, s := range g.Services {
			for _, tag := range s.Tags {
				if strings.Contains(tag, "${") || strings.Contains(tag, "%{") {
					t.Errorf("Nomad would interpolate tag %q", tag)
				}
			}
		}
		for _, task := range g.Tasks {
			js, _ := json.Marshal([]any{task.Config, task.Env})
			if strings.Contains(string(js), "${") {
				t.Errorf("Nomad would interpolate %s", js)
			}
		}
	}
	if got := RoutesOf(job.TaskGroups[0].Services[0].Tags); strings.Join(got, " ") != "*.example.com/a${b} shop.localhost" {
		t.Errorf("the routes come back as %q", got)
	}
}

func TestCPUShare(t *testing.T) {
	t.Parallel()
	for memory, want := range map[int]int{1: 15, 128: 15, 1024: 125, 8192: 1000, 65536: 1000} {
		if got := cpuShare(memory); got != want {
			t.Errorf("cpuShare(%d) = %d, want %d", memory, got, want)
		}
	}
}

func TestServiceNamesAreLabels(t *testing.T) {
	t.Parallel()
	label := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	seen := map[string]string{}
	for _, id := range []string{"shop", "-shop-", "shop-", "---", strings.Repeat("a", 50), strings.Repeat("a", 49) + "-"} {
		for _, process := range []string{"web", "worker", "Worker", "über", "a b", strings.Repeat("p", 40), ""} {
			name := serviceName(id, GroupName(process))
			if !label.MatchString(name) {
				t.Errorf("service %q of job %q, process %q is no DNS label", name, id, process)
			}
			if other, taken := seen[name]; taken {
				t.Errorf("service %q is both %s and %s/%s", name, other, id, process)
			}
			seen[name] = id + "/" + process
		}
	}
}
