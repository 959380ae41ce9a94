package nomad

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/hashicorp/nomad/api"
)

// LogFile is one of the files into which Nomad rotates a stream of a task's
// log. A file is complete when one with a higher index exists.
type LogFile struct {
	Name   string // below alloc/logs
	Stream string // Stdout or Stderr
	Index  int
	Size   int64 // bytes, when it was listed
}

// logName is how Nomad names the files: <task>.<stream>.<index>.
var logName = regexp.MustCompile(`^(.+)\.(stdout|stderr)\.([0-9]+)$`)

// LogFiles lists the log files of an instance's task, oldest first within a
// stream; none where the task has not started. It needs Nomad's capability
// read-fs: the endpoint for logs cannot say where in a rotated log it stands.
func (c *Client) LogFiles(ctx context.Context, allocID, task string) ([]LogFile, error) {
	q := c.query(ctx)
	q.Params = map[string]string{"path": "alloc/logs"}
	var list []*api.AllocFileInfo
	if _, err := c.API.Raw().Query("/v1/client/fs/ls/"+allocID, &list, q); err != nil {
		if notStarted(err) {
			return nil, nil
		}
		return nil, c.wrapLog(allocID, err)
	}
	var files []LogFile
	for _, f := range list {
		m := logName.FindStringSubmatch(f.Name)
		if m == nil || m[1] != task || f.IsDir {
			continue
		}
		index, err := strconv.Atoi(m[3])
		if err != nil {
			continue // more digits than a number has: none of Nomad's
		}
		files = append(files, LogFile{Name: f.Name, Stream: m[2], Index: index, Size: f.Size})
	}
	slices.SortFunc(files, func(a, b LogFile) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Index, b.Index))
	})
	return files, nil
}

func (c *Client) wrapLog(allocID string, err error) error {
	op := "read the log of instance " + short(allocID)
	if StatusOf(err) == http.StatusForbidden {
		return &Error{Op: op, Addr: c.addr, Status: http.StatusForbidden, Err: err,
			hint: "the token in NOMAD_TOKEN needs the capability read-fs in this namespace"}
	}
	return c.wrap(op, err)
}

// LogReader reads one stream of an instance's log piece by piece, across its
// rotated files. It starts at the oldest byte that there is. Its methods may
// not be called at the same time.
type LogReader struct {
	c             *Client
	alloc, stream string
	at            logPosition
	lost          bool
}

// Lost says whether Nomad has rotated something away before it was read.
func (r *LogReader) Lost() bool { return r.lost }

// logPosition is a place in a stream: bytes into a file.
type logPosition struct {
	Index  int
	Offset int64
}

// LogReader makes a reader of a stream (Stdout or Stderr).
func (c *Client) LogReader(allocID, stream string) *LogReader {
	return &LogReader{c: c, alloc: allocID, stream: stream}
}

// readAt is how much is asked for at a time.
const readAt = 256 << 10

// Read writes what was logged since the last call. files are what LogFiles
// answered after the caller looked whether the task has ended: then nothing
// is missing. What Nomad has rotated away meanwhile is skipped.
func (r *LogReader) Read(ctx context.Context, files []LogFile, w io.Writer) error {
	whole := -1 // the file that was read to its end now
	for _, f := range files {
		if f.Stream != r.stream || f.Index < r.at.Index {
			continue
		}
		if f.Index > r.at.Index {
			r.lost = r.lost || whole != f.Index-1
			r.at = logPosition{Index: f.Index}
		}
		if f.Size <= r.at.Offset && !hasNext(files, f) {
			continue // a file that has a successor may have grown after it was listed
		}
		if err := r.readFile(ctx, f, w); err != nil {
			return err
		}
		whole = f.Index
	}
	return nil
}

func hasNext(files []LogFile, f LogFile) bool {
	return slices.ContainsFunc(files, func(o LogFile) bool { return o.Stream == f.Stream && o.Index > f.Index })
}

// readFile reads one file from where the reader stands to its end.
func (r *LogReader) readFile(ctx context.Context, f LogFile, w io.Writer) error {
	for {
		q := r.c.query(ctx)
		q.Params = map[string]string{"path": "alloc/logs/" + f.Name,
			"offset": strconv.FormatInt(r.at.Offset, 10), "limit": strconv.Itoa(readAt)}
		body, err := r.c.API.Raw().Response("/v1/client/fs/readat/"+r.alloc, q)
		if notStarted(err) {
			r.lost = true // rotated away
			return nil
		}
		if err != nil {
			return r.c.wrapLog(r.alloc, err)
		}
		n, err := io.Copy(w, body)
		body.Close()
		r.at.Offset += n
		if err != nil {
			return r.c.wrapLog(r.alloc, err)
		}
		if n < readAt {
			return nil
		}
	}
}

// maxTail bounds what Tail reads, in bytes.
const maxTail = 8 << 20

// Tail answers the last lines of a stream, of 8 MiB at most, and puts the
// reader behind them. The last line may lack its end.
func (r *LogReader) Tail(ctx context.Context, files []LogFile, lines int) ([]byte, error) {
	for want := max(int64(lines)*200, 4<<10); ; want *= 4 {
		want = min(want, maxTail)
		start, whole := tailStart(files, r.stream, want)
		r.at = start
		var b bytes.Buffer
		if err := r.Read(ctx, files, &b); err != nil {
			return nil, err
		}
		text, found := lastLines(b.Bytes(), lines, whole)
		if found || want == maxTail {
			return text, nil
		}
	}
}

// tailStart is where the last n bytes of a stream begin, and whether that is
// the beginning of all that there is.
func tailStart(files []LogFile, stream string, n int64) (start logPosition, whole bool) {
	for _, f := range slices.Backward(files) {
		if f.Stream != stream {
			continue
		}
		if f.Size > n {
			return logPosition{f.Index, f.Size - n}, false
		}
		start, n = logPosition{Index: f.Index}, n-f.Size
	}
	return start, true
}

// lastLines cuts the last n lines out of the end of a text; whole says that
// it is the whole text. found is false where a longer end is needed for it.
func lastLines(text []byte, n int, whole bool) (last []byte, found bool) {
	if n <= 0 {
		return nil, true
	}
	end := len(text)
	if end > 0 && text[end-1] == '\n' {
		end--
	}
	for range n {
		i := bytes.LastIndexByte(text[:end], '\n')
		if i < 0 {
			return text, whole
		}
		end = i
	}
	return text[end+1:], true
}
