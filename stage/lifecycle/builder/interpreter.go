package builder

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"wadi/stage/lifecycle"
)

// maxFirstLine is how much of a script the kernel looks at for its
// interpreter, in bytes.
const maxFirstLine = 256

// interpreterMissing says why a script that is there cannot be started, nil if
// that is not known. The kernel's own words are "no such file or directory".
func interpreterMissing(script string) error {
	f, err := openProgram(script)
	if err != nil {
		return nil
	}
	defer f.Close()
	head, err := bufio.NewReader(io.LimitReader(f, maxFirstLine)).ReadBytes('\n')
	if err != nil { // no line, or a long one
		return nil
	}
	line, ok := bytes.CutPrefix(bytes.TrimSuffix(head, []byte("\n")), []byte("#!"))
	if !ok {
		return nil
	}
	missing := &os.PathError{Op: "fork/exec", Path: script, Err: syscall.ENOENT}
	if stopsAtCR(line) {
		return fmt.Errorf("%w: its lines end as on Windows: save it with Unix line ends (in git: text eol=lf in .gitattributes)", missing)
	}
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return nil
	}
	if strings.HasPrefix(words[0], lifecycle.ContainerTmp+"/") {
		return nil // scripts may have a /tmp of their own
	}
	if _, err := os.Stat(words[0]); os.IsNotExist(err) {
		return fmt.Errorf("%w: it is a script for %s, which is not on this stack", missing, words[0])
	}
	return nil
}

// stopsAtCR reports whether the carriage return at the end of the line makes the
// script fail: it is part of the interpreter's name, or of an argument of one
// that does not pass over it, as perl does.
func stopsAtCR(line []byte) bool {
	words := bytes.Fields(bytes.TrimSuffix(line, []byte("\r")))
	if len(words) == 0 || !bytes.HasSuffix(line, []byte("\r")) {
		return false
	}
	switch filepath.Base(string(words[0])) {
	case "env", "sh", "bash", "dash":
		return true
	}
	return len(words) == 1
}

// openProgram opens a file that may be executed, and nothing else: a link of a
// buildpack's may lead to a device of the node, or to a pipe.
func openProgram(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0) // which does nothing to what is there
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o111 == 0 {
		return nil, &os.PathError{Op: "open", Path: path, Err: fs.ErrInvalid}
	}
	return os.Open("/proc/self/fd/" + strconv.Itoa(fd))
}
