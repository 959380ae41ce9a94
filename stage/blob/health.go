package blob

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// HealthReport is the body of GET /v1/health. Reason says why the back end
// cannot be written to, and Full whether that is for want of room.
type HealthReport struct {
	Status   string `json:"status"` // "ok"
	Writable bool   `json:"writable"`
	Full     bool   `json:"full,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// healthTimeout leaves the server the time in which it looks at its back end.
const healthTimeout = 15 * time.Second

// Health is nil if the store answers and can be written to. It asks once:
// who waits for a store asks again. ErrUnreachable and ErrFull can be told.
func (c *Client) Health(ctx context.Context) error {
	op, path := "check the blob store", "/v1/health"
	r, err := c.do(ctx, call{op: op, method: http.MethodGet, path: path, limit: maxErrorBody, once: true, timeout: healthTimeout})
	if err != nil {
		return err
	}
	u, err := c.endpoint(path)
	if err != nil {
		return err
	}
	fail := &Error{Op: op, URL: publicURL(u)}
	var h HealthReport
	switch err := json.Unmarshal(r.body, &h); {
	case err != nil || h.Status != "ok":
		fail.Message, fail.Err = "what answers there is not a blob store", err
		return fail
	case h.Full:
		fail.Status, fail.Message = http.StatusInsufficientStorage, h.Reason
		return fail
	case !h.Writable:
		fail.Status, fail.Message = http.StatusServiceUnavailable, "its back end cannot be written to: "+h.Reason
		return fail
	}
	return nil
}
