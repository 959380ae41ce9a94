package proc

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"

	"wadi/stage/lifecycle"
)

// vcap is Cloud Foundry's user, and its group.
const vcap = 2000

// The users of allocations: numbers that nobody else gives away. Below them
// are those that SSSD makes for the users of a directory (to 2000200000) and
// systemd's containers; above them systemd's foreign images, and the end of
// what fits a signed number.
const (
	firstUser = 0x78000000 // 2013265920
	endUser   = 0x7ffe0000 // 2147352576
)

// TaskUser is whom the processes of a task run as, but for those of an app's
// own image: nil, which is whoever the lifecycle is, where that is not root.
//
// In a container it is Cloud Foundry's vcap. On the node itself each
// allocation has a user and a group of its own, as Cloud Foundry's DEAs gave
// each instance one of a pool: the kernel keeps what others run from its
// files, its memory and its environment, and from ending it. The number comes
// from the allocation's id, so that all that runs in it agrees. And it does
// not even see the folders of other allocations: Nomad makes those open for
// everybody, and what runs there first is the lifecycle, as root.
func TaskUser(getenv func(string) string) *User {
	if os.Getuid() != 0 {
		return nil
	}
	u := taskUser(getenv("NOMAD_ALLOC_ID"), getenv("NOMAD_TASK_DIR"), getenv(lifecycle.ContainerVar))
	return &u
}

func taskUser(allocID, taskDir, container string) User {
	if container != "" || allocID == "" {
		return User{UID: vcap, GID: vcap}
	}
	sum := sha256.Sum256([]byte(allocID))
	id := firstUser + int(binary.BigEndian.Uint64(sum[:])%(endUser-firstUser))
	u := User{UID: id, GID: id}
	if filepath.Base(filepath.Dir(filepath.Dir(taskDir))) == allocID { // as Nomad has it: ID/TASK/local
		u.Sees = taskDir
	}
	return u
}
