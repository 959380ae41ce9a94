package blob

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
)

// MaxResult is the most bytes a staging result may have.
const MaxResult = 1 << 20

// GenerationHeader carries a result's generation.
const GenerationHeader = "Wadi-Generation"

func resultPath(space, key string) string { return "/v1/results/" + space + "/" + key }

// Result returns the staging result stored for a space (a Nomad namespace)
// and a staging key (64 hex digits); ErrNotFound if there is none.
func (c *Client) Result(ctx context.Context, space, key string) ([]byte, error) {
	r, err := c.do(ctx, call{
		op:     "get staging result " + key + " of space " + space,
		method: http.MethodGet, path: resultPath(space, key), limit: MaxResult,
	})
	return r.body, err
}

// PutResult stores a staging result. A generation (from 1) is written once:
// ErrConflict if the stored one's is the same or higher.
func (c *Client) PutResult(ctx context.Context, space, key string, generation int, body []byte) error {
	r, err := c.do(ctx, call{
		op:     "store staging result " + key + " of space " + space,
		method: http.MethodPut, path: resultPath(space, key) + "?generation=" + strconv.Itoa(generation),
		body: body, limit: maxErrorBody,
	})
	if r.attempts > 1 && errors.Is(err, ErrConflict) {
		// An earlier attempt may have been stored and only its answer lost.
		stored, getErr := c.Result(ctx, space, key)
		if getErr == nil && bytes.Equal(stored, body) {
			return nil
		}
	}
	return err
}
