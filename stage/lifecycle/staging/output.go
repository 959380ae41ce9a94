package staging

import (
	"fmt"
	"io"
	"os"
	"sync"

	"wadi/stage/lifecycle/proc"
)

// output is the staging log: all that the task and the buildpacks write goes
// to the task's own stdout or stderr, as it comes, and into one file.
type output struct {
	Stdout, Stderr *os.File // pipes, because processes inherit them
	log            *os.File
	copying        [2]sync.WaitGroup // of stdout and stderr
}

// newOutput begins the log in a file at path. Processes run as u.
func newOutput(path string, stdout, stderr io.Writer, u *proc.User) (*output, error) {
	log, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the staging log: %w", err)
	}
	o := &output{log: log}
	if o.Stdout, err = o.tee(stdout, u, &o.copying[0]); err != nil {
		return nil, err
	}
	if o.Stderr, err = o.tee(stderr, u, &o.copying[1]); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *output) tee(to io.Writer, u *proc.User, copying *sync.WaitGroup) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making the staging log: %w", err)
	}
	if err := proc.Give(w, u); err != nil {
		return nil, err
	}
	copying.Go(func() {
		defer r.Close()
		// A log that cannot be written must not stop the buildpacks: drain.
		if _, err := io.Copy(io.MultiWriter(o.log, to), r); err != nil {
			fmt.Fprintf(to, "writing the staging log: %v\n", err)
			_, _ = io.Copy(to, r)
		}
	})
	return w, nil
}

// CloseStdout waits until everything written there has arrived, so that what
// is written to Stderr from now on comes after it. Nobody else may hold the
// pipe any more.
func (o *output) CloseStdout() {
	o.Stdout.Close()
	o.copying[0].Wait()
}

// Close waits until everything written has arrived; nobody else may hold the
// pipes any more.
func (o *output) Close() {
	o.CloseStdout()
	o.Stderr.Close()
	o.copying[1].Wait()
}
