package nomad

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/hashicorp/nomad/api"
)

// Drivers of tasks.
const (
	DriverRawExec = "raw_exec"
	DriverDocker  = "docker"
)

// Container is what tasks of the docker driver run in. The zero value is
// that of tasks which run on the node itself.
type Container struct {
	// Image is what the node pulls. Nomad interpolates it: it is a reference
	// (IsImage), which has no `$`, `{` or `%`.
	Image string
	// Rootfs says that it is a stack's root file system: read-only, but for
	// Cloud Foundry's folders on the task's disk. Else it is the image of an
	// app, which may write wherever its own user may.
	Rootfs bool
	// NoRoot keeps programs of the image that are set-uid from becoming root.
	NoRoot bool
	// HostNetwork gives tasks the node's network in place of one of their
	// own, from which nothing is reached that listens on the node's loopback.
	HostNetwork bool
	// Login is the key (LoginItems) of the login with which the node pulls
	// the image; "" = it needs none, or has one of its own.
	Login string
	// LoginVariable is a Variable with such a login (username, password) that
	// the task's identity may read; "" = none.
	LoginVariable string
}

var imageReference = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)

// IsImage says whether a text has the form of an image's name.
func IsImage(s string) bool { return len(s) <= 512 && imageReference.MatchString(s) }

// containerVar tells the lifecycle that the task has a container, and of
// which kind.
const containerVar = "WADI_CONTAINER"

// containerPort is where an app in a network of its own is told to listen.
const containerPort = 8080

// maxPIDs is Cloud Foundry's limit of processes of an instance.
const maxPIDs = 1024

// place says where a task runs, with which of the group's ports. In a
// container the supervisor is root, as it is on a node, and drops its rights
// before anything of the user's runs: what the task may read, and the app may
// not, stays between the two (identity, credentials).
func (p Placement) place(task *api.Task, ports ...api.Port) {
	task.Driver = p.Driver
	if p.Driver != DriverDocker {
		return
	}
	c := p.Container
	task.User = "0:0" // in figures: an image need not know any user
	task.Config = map[string]any{
		"image":      c.Image,
		"entrypoint": []string{"/local/lifecycle"},
		"args":       task.Config["args"],
		"work_dir":   "/",
		"pids_limit": maxPIDs,
		// an image's own checks would run as the supervisor's user, which is root
		"healthchecks": []map[string]any{{"disable": true}},
	}
	if c.Rootfs {
		task.Config["readonly_rootfs"] = true
		task.Config["volumes"] = []string{"local/vcap:/home/vcap", "local/tmp:/tmp"}
	} else {
		task.Identities = nil // it opens blobs, of which an image needs none; as root an app could read it
	}
	if c.NoRoot {
		task.Config["security_opt"] = []string{noNewPrivileges}
	}
	kind := "own-network"
	if c.HostNetwork {
		kind = "host-network"
		task.Config["network_mode"] = "host"
	} else if len(ports) > 0 {
		var labels []string
		for _, port := range ports {
			labels = append(labels, port.Label)
		}
		task.Config["ports"] = labels
	}
	if task.Env == nil {
		task.Env = map[string]string{}
	}
	task.Env[containerVar] = kind
}

// ports are those of a process. In a network of its own an app listens where
// its image does, or where Cloud Foundry's apps do; else on the port that it
// has on the node, as the supervisor always does.
func (p Placement) ports(process LRPProcess) []api.Port {
	health := api.Port{Label: PortHealth}
	switch {
	case p.Driver != DriverDocker || p.Container.HostNetwork:
		return []api.Port{{Label: PortHTTP}, health}
	case len(process.Ports) == 0:
		return []api.Port{{Label: PortHTTP, To: containerPort}, health}
	}
	ports := []api.Port{{Label: PortHTTP, To: process.Ports[0]}, health}
	for _, port := range process.Ports[1:] {
		ports = append(ports, api.Port{Label: furtherPort + strconv.Itoa(port), To: port})
	}
	return ports
}

// noNewPrivileges is Docker's word for it.
const noNewPrivileges = "no-new-privileges"

// furtherPort begins the labels of ports beside PortHTTP.
const furtherPort = "port"

// containerOf reads back what place wrote.
func containerOf(task *api.Task) Container {
	var c Container
	if task.Driver != DriverDocker {
		return c
	}
	c.Image, _ = task.Config["image"].(string)
	c.Rootfs, _ = task.Config["readonly_rootfs"].(bool)
	c.NoRoot = task.Config["security_opt"] != nil
	c.Login, c.LoginVariable = loginOf(task)
	c.HostNetwork = fmt.Sprint(task.Config["network_mode"]) == "host"
	return c
}

// OwnsImage says whether a group that LRPJob made is of an app with an image of
// its own, whose instances write wherever they may.
func OwnsImage(g *api.TaskGroup) bool {
	c := containerOf(g.Tasks[0])
	return c.Image != "" && !c.Rootfs
}
