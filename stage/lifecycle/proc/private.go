package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// The files with the users and groups of the node.
var accountFiles = []string{"/etc/passwd", "/etc/group"}

// MakePrivate makes the folder u.Private, whose parent exists: an empty /tmp
// and /var/tmp, and the node's users and groups with u beside them as vcap, who
// is at home in home. Programs look for the name and the home of their user
// there, and some (ssh, Node's os.userInfo, older JDKs) do not do without.
// Nothing is done where u or u.Private is not there.
func MakePrivate(u *User, home string) error {
	if u == nil || u.Private == "" {
		return nil
	}
	if err := makePrivate(u, home); err != nil {
		return fmt.Errorf("making what takes the place of the node's files: %w", err)
	}
	return nil
}

func makePrivate(u *User, home string) error {
	if err := os.Mkdir(u.Private, 0o755); err != nil {
		return err
	}
	for _, node := range nodeTmps {
		if err := MakeDir(filepath.Join(u.Private, node.name), u); err != nil {
			return err
		}
	}
	for _, path := range accountFiles {
		nodes, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // then nothing on the node has a name
		}
		if err != nil {
			return err
		}
		name := filepath.Base(path)
		fields := []string{strconv.Itoa(u.UID), strconv.Itoa(u.GID), "vcap", home, "/bin/bash"}
		if name == "group" {
			fields = []string{strconv.Itoa(u.GID), ""}
		}
		if err := os.WriteFile(filepath.Join(u.Private, name), addAccount(nodes, fields), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// addAccount puts vcap, with fields after name and password, before the lines
// of a file of accounts, in the place of the node's own vcap.
func addAccount(file []byte, fields []string) []byte {
	out := []byte("vcap:x")
	for _, f := range fields {
		out = append(append(out, ':'), f...)
	}
	out = append(out, '\n')
	for line := range bytes.Lines(file) {
		if !bytes.HasPrefix(line, []byte("vcap:")) {
			out = append(out, line...)
		}
	}
	return out
}

// mountPrivate puts what MakePrivate has made into the place of the node's, for
// this thread: it has a mount namespace of its own already.
func mountPrivate(dir string) error {
	if err := mountTmps(dir); err != nil {
		return err
	}
	for _, path := range accountFiles {
		err := mount(filepath.Join(dir, filepath.Base(path)), path, "", unix.MS_BIND, "")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
