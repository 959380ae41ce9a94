package nomad

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/nomad/api"
)

// Streams of a task's log.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// logPoll is how often a followed log is read. Nomad's own follow never ends
// by itself and is no quicker.
const logPoll = 150 * time.Millisecond

// FollowLog writes one stream of a task's log from its start until the
// allocation has ended and everything was read.
func (c *Client) FollowLog(ctx context.Context, allocID, task, stream string, w io.Writer) error {
	var offset int64
	for {
		alloc, err := c.Allocation(ctx, allocID)
		if err != nil {
			return err
		}
		if what := stuck(alloc.TaskStates, time.Now()); what != "" {
			return &StuckError{Space: c.Space, What: what}
		}
		ended := terminal(alloc.ClientStatus)
		n, err := c.readLog(ctx, alloc, task, stream, api.OriginStart, offset, w)
		offset += n
		switch {
		case err != nil && ended && n == 0:
			return nil // it never started, so there is no log
		case err != nil && !notStarted(err):
			return err
		case ended && n == 0:
			return nil
		}
		if !ended {
			if err := Sleep(ctx, logPoll); err != nil {
				return err
			}
		}
	}
}

// TailLog is about the last n bytes of one stream of a task's log.
func (c *Client) TailLog(ctx context.Context, allocID, task, stream string, n int64, w io.Writer) error {
	alloc, err := c.Allocation(ctx, allocID)
	if err != nil {
		return err
	}
	_, err = c.readLog(ctx, alloc, task, stream, api.OriginEnd, n, w)
	if notStarted(err) {
		return nil
	}
	return err
}

// readLog reads what there is of a log now. It asks the server, which asks
// the node: nomad/api would open connections of its own at every call.
func (c *Client) readLog(ctx context.Context, alloc *api.Allocation, task, stream, origin string, offset int64, w io.Writer) (int64, error) {
	q := c.query(ctx)
	q.Params = map[string]string{"task": task, "type": stream, "origin": origin, "plain": "true", "follow": "false",
		"offset": strconv.FormatInt(offset, 10)}
	body, err := c.API.Raw().Response("/v1/client/fs/logs/"+alloc.ID, q)
	if err != nil {
		return 0, c.wrap("read the log of instance "+short(alloc.ID), err)
	}
	defer body.Close()
	n, err := io.Copy(w, body)
	return n, c.wrap("read the log of instance "+short(alloc.ID), err)
}

// notStarted is Nomad's answer for a task that has no log yet.
func notStarted(err error) bool {
	s := StatusOf(err)
	return s == http.StatusNotFound || s == http.StatusInternalServerError
}

// Allocation reads one instance.
func (c *Client) Allocation(ctx context.Context, id string) (*api.Allocation, error) {
	alloc, _, err := c.API.Allocations().Info(id, c.query(ctx))
	if err != nil {
		return nil, c.wrap("read instance "+short(id), err)
	}
	return alloc, nil
}

func short(id string) string {
	if len(id) > 8 {
		return id[:8]
	}
	return id
}
