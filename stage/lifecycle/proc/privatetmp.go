package proc

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// nodeTmps are the node's folders that programs take for their own: many
// buildpacks have fixed names there, as in a container that is used once. By
// each stands the name that a folder of MakePrivate's has for it.
var nodeTmps = []struct{ path, name string }{{"/tmp", "tmp"}, {"/var/tmp", "var-tmp"}}

// mountTmps puts the folders of private into the place of the node's, for this
// thread: it has a mount namespace of its own already.
func mountTmps(private string) error {
	for i, node := range nodeTmps {
		if i > 0 {
			there, err := isApart(node.path)
			if err != nil {
				return err
			}
			if !there {
				continue
			}
		}
		if err := mountTmp(filepath.Join(private, node.name), node.path); err != nil {
			return err
		}
	}
	return nil
}

// isApart says whether a folder is there and is not /tmp: on some systems
// /var/tmp is a link to it.
func isApart(dir string) (bool, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	tmp, err := os.Stat(nodeTmps[0].path)
	return err == nil && !os.SameFile(info, tmp), err
}

// mountTmp puts dir in the place of nodeTmp. The folders that are there and that
// others may enter stay what they are, but for those that apps have left: what
// a variable of the app names may lie in one, and the agent's own folder.
// Empty ones that nobody else may write to are of no use, but in the way: a
// build by hand leaves such.
func mountTmp(dir, nodeTmp string) error {
	private, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer unix.Close(private)
	shared, err := sharedFolders(nodeTmp)
	if err != nil {
		return err
	}
	defer func() {
		for _, fd := range shared {
			unix.Close(fd)
		}
	}()
	if err := mount(fdPath(private), nodeTmp, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	// What is put into private itself would not be seen there.
	mounted, err := unix.Open(nodeTmp, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: nodeTmp, Err: err}
	}
	defer unix.Close(mounted)
	for name, fd := range shared {
		err := putFolder(mounted, nodeTmp, name, fd)
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) { // it has gone meanwhile
			return err
		}
	}
	return nil
}

// sharedFolders opens the folders of nodeTmp that stay, by name.
func sharedFolders(nodeTmp string) (map[string]int, error) {
	entries, err := os.ReadDir(nodeTmp)
	if err != nil {
		return nil, err
	}
	shared := map[string]int{}
	for _, e := range entries {
		if !e.IsDir() { // most are not, and this asks nothing of the kernel
			continue
		}
		info, err := e.Info()
		if err != nil || !isShared(nodeTmp, info) { // it may be gone by now
			continue
		}
		fd, err := openFolder(nodeTmp + "/" + e.Name())
		if err == nil {
			shared[e.Name()] = fd
		}
	}
	return shared, nil
}

func isShared(dir string, info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	app := ok && (stat.Uid == vcap || stat.Uid >= firstUser && stat.Uid < endUser)
	if !info.IsDir() || info.Mode().Perm()&0o001 == 0 || app {
		return false
	}
	return info.Mode().Perm()&0o002 != 0 || !isEmpty(filepath.Join(dir, info.Name()))
}

func isEmpty(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = f.Readdirnames(1)
	return errors.Is(err, io.EOF)
}

// putFolder mounts the folder fd below the folder in, which is nodeTmp. What
// has its name there and is no folder was made by the app, and stays.
func putFolder(in int, nodeTmp, name string, fd int) error {
	if err := unix.Mkdirat(in, name, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return &os.PathError{Op: "mkdir", Path: filepath.Join(nodeTmp, name), Err: err}
	}
	target, err := unix.Openat(in, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Join(nodeTmp, name), Err: err}
	}
	defer unix.Close(target)
	return mount(fdPath(fd), fdPath(target), "", unix.MS_BIND|unix.MS_REC, "")
}

func openFolder(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

func fdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
