package blob

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// MaxLifecycle is the most bytes a lifecycle archive may have.
const MaxLifecycle = 64 << 20

// PutLifecycle stores the lifecycle's archive, a tgz with one file in it,
// whose bytes have this sha256. Only the people's token may.
func (c *Client) PutLifecycle(ctx context.Context, sha256 string, r io.Reader) error {
	op := "store lifecycle " + sha256
	body, err := io.ReadAll(io.LimitReader(r, MaxLifecycle+1))
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if len(body) > MaxLifecycle {
		return fmt.Errorf("%s: it has more than %d bytes", op, MaxLifecycle)
	}
	if got := digestOf(body); got != sha256 {
		return fmt.Errorf("%s: its bytes have the sha256 %s", op, got)
	}
	_, err = c.do(ctx, call{op: op, method: http.MethodPut, path: "/v1/lifecycle/" + sha256, body: body, limit: maxErrorBody})
	return err
}

// LifecycleURL is the source for Nomad's artifact block. The path has no
// extension to tell the format by, so the query says it: go-getter takes
// `archive` out and acts on it.
func (c *Client) LifecycleURL(sha256 string) string {
	return strings.TrimSuffix(c.URL, "/") + "/v1/lifecycle/" + sha256 + "?archive=tgz"
}
