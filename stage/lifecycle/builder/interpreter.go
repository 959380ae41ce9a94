package builder

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// maxFirstLine is how much of a script the kernel looks at for its
// interpreter, in bytes.
const maxFirstLine = 256

// interpreterMissing says why a script that is there cannot be started, nil if
// that is not known. The kernel's own words are "no such file or directory".
func interpreterMissing(script string) error {
	f, err := os.OpenFile(script, os.O_RDONLY|syscall.O_NONBLOCK, 0)
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
	if bytes.HasSuffix(line, []byte("\r")) {
		return fmt.Errorf("%w: its lines end as on Windows: save it with Unix line ends (in git: text eol=lf in .gitattributes)", missing)
	}
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return nil
	}
	if _, err := os.Stat(words[0]); os.IsNotExist(err) {
		return fmt.Errorf("%w: it is a script for %s, which is not on this stack", missing, words[0])
	}
	return nil
}
