package router

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
)

// verify makes an instance of a registration if it is what it claims to be:
// the app port of an allocation of a job of ours. Anybody who may submit jobs
// can register a service with any tags and address.
func verify(reg *api.ServiceRegistration, alloc *api.Allocation) (*instance, error) {
	switch {
	case alloc.ID != reg.AllocID || alloc.Namespace != reg.Namespace || alloc.JobID != reg.JobID:
		return nil, fmt.Errorf("its allocation %s belongs to job %s in %s", alloc.ID, alloc.JobID, alloc.Namespace)
	case alloc.Job == nil || alloc.Job.Meta[nomad.MetaOwner] != nomad.Owner:
		return nil, fmt.Errorf("its job does not have the meta %s = %q: only apps that wadi applied are served", nomad.MetaOwner, nomad.Owner)
	case alloc.Job.CreateIndex == nil:
		return nil, errors.New("its job has no create index")
	}
	addr, ok := portOf(alloc, nomad.PortHTTP)
	if !ok {
		return nil, fmt.Errorf("its allocation has no port %q", nomad.PortHTTP)
	}
	health, ok := portOf(alloc, nomad.PortHealth)
	if !ok {
		return nil, fmt.Errorf("its allocation has no port %q", nomad.PortHealth)
	}
	if registered := net.JoinHostPort(reg.Address, strconv.Itoa(reg.Port)); registered != addr {
		return nil, fmt.Errorf("it registered %s, but its allocation's port %q is %s", registered, nomad.PortHTTP, addr)
	}
	name := alloc.Job.Meta[nomad.MetaApp]
	if name == "" {
		name = alloc.JobID
	}
	a := app{namespace: alloc.Namespace, job: alloc.JobID, createIndex: *alloc.Job.CreateIndex, name: name}
	return newInstance(a, alloc.ID, nomad.AllocIndex(alloc.Name), addr, health), nil
}

// portOf is the host's address of an allocation's port.
func portOf(alloc *api.Allocation, label string) (string, bool) {
	if alloc.AllocatedResources == nil {
		return "", false
	}
	for _, p := range alloc.AllocatedResources.Shared.Ports {
		if p.Label == label {
			return net.JoinHostPort(p.HostIP, strconv.Itoa(p.Value)), true
		}
	}
	return "", false
}
