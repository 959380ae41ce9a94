package watch

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// remote are file systems whose changes may be made where this kernel does
// not see them, by their numbers in statfs(2).
var remote = map[int64]string{
	unix.NFS_SUPER_MAGIC:  "NFS",
	unix.SMB_SUPER_MAGIC:  "SMB",
	unix.CIFS_SUPER_MAGIC: "CIFS",
	unix.SMB2_SUPER_MAGIC: "SMB",
	unix.V9FS_MAGIC:       "9P",
	unix.AFS_SUPER_MAGIC:  "AFS",
	unix.CODA_SUPER_MAGIC: "Coda",
	unix.CEPH_SUPER_MAGIC: "Ceph",
	unix.FUSE_SUPER_MAGIC: "FUSE",
	0x786f4256:            "VirtualBox's shared folders", // vboxsf, not in linux/magic.h
}

// NoEventsError is a file system that does not tell all its changes.
type NoEventsError struct{ Path, FileSystem string }

func (e *NoEventsError) Error() string {
	return fmt.Sprintf("%s is on a file system (%s) that does not tell of all changes", e.Path, e.FileSystem)
}

// withoutEvents finds a part of the set that is on such a file system.
func withoutEvents(set Set) error {
	for _, file := range set.Files {
		folder, _ := existing(filepath.Dir(file))
		if err := checkEvents(folder); err != nil {
			return err
		}
	}
	for _, t := range set.Trees {
		if err := checkEvents(t.Root); err != nil {
			return err
		}
	}
	return nil
}

func checkEvents(path string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return nil // gone: nothing to listen to yet
	}
	if name := remote[int64(fs.Type)]; name != "" {
		return &NoEventsError{path, name}
	}
	return nil
}
