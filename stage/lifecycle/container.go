package lifecycle

// ContainerVar is the variable of a task's Nomad environment that says that
// the task has a container of its own, and with which network: without it the
// task runs on the node itself.
const ContainerVar = "WADI_CONTAINER"

// Values of ContainerVar. On the node's network a task's ports are the
// node's; on one of its own they are mapped.
const (
	ContainerHostNetwork = "host-network"
	ContainerOwnNetwork  = "own-network"
)

// Folders of a container on a stack, Cloud Foundry's. The platform mounts a
// folder of the task's disk there, since the rest of it is read-only; a start
// in place finds in them what the one before left.
const (
	ContainerHome = "/home/vcap"
	ContainerTmp  = "/tmp"
)
