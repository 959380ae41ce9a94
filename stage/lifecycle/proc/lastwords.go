package proc

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"wadi/stage/lifecycle"
)

// LastWords is a stream that the lifecycle writes to in a container. Nomad's
// docker driver stops reading what a container writes when that has ended: a
// task that ends soon, or while the node is busy, loses its last lines, or
// all. So the lifecycle stays until Nomad has what it wrote last.
type LastWords struct {
	to     io.Writer
	prefix string // of Nomad's log files of the stream
	start  place

	mu   sync.Mutex
	last []byte // that was written
}

// place is where a start began in the log: those before it end alike.
type place struct {
	index int
	size  int64
}

// wordsPatience is how long Nomad may take to read what was written last. With
// the time that processes have to end it is less than a task has to stop.
const wordsPatience = 4 * time.Second

// otherStream is what the engine may need longer for the other stream.
const otherStream = 100 * time.Millisecond

// NewLastWords begins with a stream ("stdout", "stderr") of a Nomad task. It
// has to be made before anything is written.
func NewLastWords(to io.Writer, stream string, getenv func(string) string) *LastWords {
	w := &LastWords{to: to, prefix: filepath.Join(getenv("NOMAD_ALLOC_DIR"), "logs", getenv("NOMAD_TASK_NAME")+"."+stream+".")}
	if files := w.files(); len(files) > 0 {
		w.start = files[len(files)-1]
	}
	return w
}

func (w *LastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.last = append(w.last[:0], p[max(0, len(p)-1<<10):]...)
	w.mu.Unlock()
	return w.to.Write(p)
}

// Await returns when Nomad has what was written last, or after some seconds.
// On a node itself Nomad reads all that was written anyway.
func (w *LastWords) Await() {
	if os.Getenv(lifecycle.ContainerVar) != "" {
		w.await(wordsPatience)
	}
}

func (w *LastWords) await(limit time.Duration) {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if w.heard() {
			time.Sleep(otherStream)
			return
		}
	}
}

// heard looks for what was written last in what was logged since the start.
func (w *LastWords) heard() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.last) == 0 {
		return true
	}
	for _, f := range w.files() {
		if f.index < w.start.index {
			continue
		}
		from := int64(0)
		if f.index == w.start.index {
			from = w.start.size
		}
		// what else writes there may have come after it, but not that much
		if tail := f.size - 64<<10; tail > from {
			from = tail
		}
		if bytes.Contains(w.read(f, from), w.last) {
			return true
		}
	}
	return false
}

func (w *LastWords) read(f place, from int64) []byte {
	file, err := os.Open(fmt.Sprint(w.prefix, f.index))
	if err != nil {
		return nil // rotated away
	}
	defer file.Close()
	content, err := io.ReadAll(io.NewSectionReader(file, from, f.size-from))
	if err != nil {
		return nil
	}
	return content
}

// files are the log files of the stream, oldest first.
func (w *LastWords) files() []place {
	names, err := filepath.Glob(w.prefix + "*")
	if err != nil {
		return nil
	}
	var all []place
	for _, name := range names {
		index, err := strconv.Atoi(strings.TrimPrefix(name, w.prefix))
		if err != nil {
			continue
		}
		if info, err := os.Stat(name); err == nil {
			all = append(all, place{index, info.Size()})
		}
	}
	slices.SortFunc(all, func(a, b place) int { return a.index - b.index })
	return all
}
