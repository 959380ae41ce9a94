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

// TailLog is about the last n bytes of one stream of a task's log.
func (c *Client) TailLog(ctx context.Context, allocID, task, stream string, n int64, w io.Writer) error {
	alloc, err := c.Allocation(ctx, allocID)
	if err != nil {
		return err
	}
	err = c.readLogEnd(ctx, alloc, task, stream, n, w)
	if notStarted(err) {
		return nil
	}
	return err
}

// readLogEnd asks the server, which asks the node: nomad/api would open
// connections of its own at every call.
func (c *Client) readLogEnd(ctx context.Context, alloc *api.Allocation, task, stream string, n int64, w io.Writer) error {
	q := c.query(ctx)
	q.Params = map[string]string{"task": task, "type": stream, "origin": api.OriginEnd, "plain": "true", "follow": "false",
		"offset": strconv.FormatInt(n, 10)}
	body, err := c.API.Raw().Response("/v1/client/fs/logs/"+alloc.ID, q)
	if err != nil {
		return c.wrap("read the log of instance "+short(alloc.ID), err)
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return c.wrap("read the log of instance "+short(alloc.ID), err)
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
