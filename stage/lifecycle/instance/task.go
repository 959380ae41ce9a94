package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strconv"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/proc"
	"wadi/stage/lifecycle/secrets"
)

// endpoint is a port of the task. Port is the number inside the task's
// network, HostPort that on the node.
type endpoint struct {
	IP       string // of the node
	Port     int
	HostPort int
}

// task is all that the supervisor is told.
type task struct {
	revision lifecycle.Revision
	environs lifecycle.Environment
	routes   lifecycle.Routes
	process  lifecycle.RunProcess

	dir       string // NOMAD_TASK_DIR
	secrets   secrets.Dir
	allocID   string
	index     int
	http      endpoint   // zero in a one-off task
	further   []endpoint // ports of an app of an image, beside http
	health    endpoint
	nodeIP    string
	container string     // lifecycle.ContainerVar
	image     *container // of an app of an image
	user      *proc.User // of the processes; nil = whoever the supervisor is
	oneOff    bool       // this is a one-off task, no process of the app
	localIP   string     // where the app is to be reached from inside the task
}

// loadTask reads the environment that Nomad made and the files in secrets.
func loadTask(getenv func(string) string) (task, error) {
	t, err := loadRevision(getenv)
	if err != nil {
		return t, err
	}
	if t.index, err = strconv.Atoi(getenv("NOMAD_ALLOC_INDEX")); err != nil {
		return t, fmt.Errorf("NOMAD_ALLOC_INDEX: %w: this command runs as a Nomad task", err)
	}
	if err := t.secrets.JSON(lifecycle.ProcessFile, &t.process); err != nil {
		return t, err
	}
	if err := t.loadImage(); err != nil {
		return t, err
	}
	return t, t.loadPorts(getenv)
}

func (t *task) loadImage() (err error) {
	if t.revision.Image == nil {
		return nil
	}
	if t.image, err = newContainer(*t.revision.Image, t.process); err == nil && t.user != nil {
		t.user = &t.image.user
	}
	return err
}

// loadRevision reads what processes and one-off tasks have in common.
func loadRevision(getenv func(string) string) (task, error) {
	t := task{
		dir:       getenv("NOMAD_TASK_DIR"),
		secrets:   secrets.Dir(getenv("NOMAD_SECRETS_DIR")),
		allocID:   getenv("NOMAD_ALLOC_ID"),
		container: getenv(lifecycle.ContainerVar),
		user:      proc.TaskUser(getenv),
	}
	if t.dir == "" || t.secrets == "" || t.allocID == "" {
		return t, errors.New("NOMAD_TASK_DIR, NOMAD_SECRETS_DIR and NOMAD_ALLOC_ID have to be set: this command runs as a Nomad task")
	}
	var err error
	if t.dir, err = filepath.Abs(t.dir); err != nil {
		return t, err
	}
	if t.user != nil && t.container == "" {
		t.user.Private = filepath.Join(t.dir, privateDir)
	}
	if err := t.secrets.JSON(lifecycle.RevisionFile, &t.revision); err != nil {
		return t, err
	}
	if err := t.secrets.JSON(lifecycle.EnvironmentFile, &t.environs); err != nil {
		return t, err
	}
	if err := t.environs.Resolve(t.secrets.Read); err != nil {
		return t, err
	}
	err = t.secrets.JSON(lifecycle.RoutesFile, &t.routes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	return t, nil
}

func (t *task) loadPorts(getenv func(string) string) error {
	var err error
	if t.health, err = loadEndpoint(getenv, lifecycle.PortHealth); err != nil {
		return err
	}
	if t.http, err = loadEndpoint(getenv, lifecycle.PortHTTP); err != nil {
		return err
	}
	for i, port := range t.process.Ports {
		if i == 0 {
			continue // that is http
		}
		further, err := loadEndpoint(getenv, lifecycle.PortLabel(port))
		if err != nil {
			return err
		}
		t.further = append(t.further, further)
	}
	t.nodeIP = t.health.IP
	return t.findLocalIP()
}

func loadEndpoint(getenv func(string) string, label string) (endpoint, error) {
	e := endpoint{IP: getenv("NOMAD_IP_" + label)}
	port := getenv("NOMAD_PORT_" + label)
	if e.IP == "" || port == "" {
		return e, fmt.Errorf("the task has no port %q: apply the app again", label)
	}
	var err error
	if e.Port, err = strconv.Atoi(port); err != nil {
		return e, fmt.Errorf("NOMAD_PORT_%s: %w", label, err)
	}
	e.HostPort = e.Port
	if host := getenv("NOMAD_HOST_PORT_" + label); host != "" {
		if e.HostPort, err = strconv.Atoi(host); err != nil {
			return e, fmt.Errorf("NOMAD_HOST_PORT_%s: %w", label, err)
		}
	}
	return e, nil
}

// findLocalIP finds the address by which the task reaches itself: the node's
// where the task has it, else (in a network of its own) its first IPv4 address
// that is not loopback, as Cloud Foundry's health check takes: what listens on
// loopback there is reached by nobody else.
func (t *task) findLocalIP() error {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return fmt.Errorf("listing the addresses of the task: %w", err)
	}
	t.localIP, err = localIP(addresses, t.nodeIP, t.container == lifecycle.ContainerOwnNetwork)
	return err
}

func localIP(addresses []net.Addr, nodeIP string, ownNetwork bool) (string, error) {
	first := ""
	for _, address := range addresses {
		network, ok := address.(*net.IPNet)
		if !ok {
			continue
		}
		if !ownNetwork && (network.IP.Equal(net.ParseIP(nodeIP)) || network.IP.IsLoopback() && network.Contains(net.ParseIP(nodeIP))) {
			return nodeIP, nil
		}
		if first == "" && !network.IP.IsLoopback() && network.IP.To4() != nil {
			first = network.IP.String()
		}
	}
	if first == "" {
		return "", fmt.Errorf("the task has neither the node's address %s nor another one that is not loopback: give it a network", nodeIP)
	}
	return first, nil
}
