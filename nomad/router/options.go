package router

import (
	"errors"
	"io"
	"log/slog"
	"net"

	"github.com/hashicorp/nomad/api"
)

// policy is the ACL policy that the router's token or workload identity needs
// where ACLs are on: it lists services and reads allocations in every
// namespace that holds apps.
const policy = `namespace "*" { capabilities = ["read-job"] }`

// HealthPath answers 200 as soon as the router has a table of routes, and 503
// before. It exists only on hosts that are IP addresses, which no app can
// have: Nomad's own check asks there.
const HealthPath = "/.wadi/health"

// Options is what a router needs to run.
type Options struct {
	// Listen accepts the clients' connections. Run closes it.
	Listen net.Listener
	// Nomad is the cluster whose apps are served; its token needs the
	// capability read-job in every namespace that holds apps.
	Nomad *api.Client
	// Logger takes what the router has to say about itself; nil is slog.Default().
	Logger *slog.Logger
	// AccessLog gets one line a request, in Cloud Foundry's RTR format; nil
	// writes none. Writes are serialised and are a whole line each.
	AccessLog io.Writer
}

func (o Options) check() (Options, error) {
	if o.Listen == nil {
		return o, errors.New("router: no listener: give one that is bound to the address the apps' clients use")
	}
	if o.Nomad == nil {
		return o, errors.New("router: no nomad client: give one for the cluster whose apps are to be served")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.AccessLog == nil {
		o.AccessLog = io.Discard
	}
	return o, nil
}
