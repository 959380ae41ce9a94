package agent

import (
	"fmt"
	"net"
)

// The ports of tasks come in ranges of slotPorts from firstPort on, one an
// agent. All of them are in Nomad's own range, below the kernel's for
// outgoing connections.
const (
	slotPorts = 1000
	firstPort = 20000
)

// taskPorts is a range of ports for the tasks of one agent.
type taskPorts struct {
	n    int
	held net.Listener
}

// claimTaskPorts takes the first free range. A range is held by a socket in
// Linux's abstract name space: it is the same for all users and state
// folders of the machine, leaves no file, and ends with its holder.
func claimTaskPorts() (*taskPorts, error) {
	for n := range slots {
		if l, err := net.Listen("unix", fmt.Sprintf("@wadi-task-ports-%d", n)); err == nil {
			return &taskPorts{n: n, held: l}, nil
		}
	}
	return nil, fmt.Errorf("%d agents of wadi run already on this machine: stop one", slots)
}

// limits are the first and the last port.
func (p *taskPorts) limits() (lo, hi int) {
	lo = firstPort + p.n*slotPorts
	return lo, lo + slotPorts - 1
}

func (p *taskPorts) release() error { return p.held.Close() }
