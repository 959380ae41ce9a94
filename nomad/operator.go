package nomad

import (
	"context"
	"fmt"
	"net/http"
)

// OperatorPath is where the operators' token for the blob store is: below
// nothing that people who deploy apps have to read. The blob store itself is
// given its sha256 alone.
const OperatorPath = "wadi-operators/" + BlobStoreJobID

// operatorItem is its key.
const operatorItem = "token"

// NoOperatorTokenError says that nobody can collect garbage.
type NoOperatorTokenError struct {
	Space     string
	Forbidden bool // this token of Nomad's may not read it
}

func (e *NoOperatorTokenError) Error() string {
	if e.Forbidden {
		return fmt.Sprintf("the token of NOMAD_TOKEN may not read the Nomad Variable %s in space %s, the operators' token for the blob store", OperatorPath, e.Space)
	}
	return fmt.Sprintf("there is no operators' token for the blob store: the Nomad Variable %s in space %s has none", OperatorPath, e.Space)
}

// Hint says what to do next.
func (e *NoOperatorTokenError) Hint() string {
	if e.Forbidden {
		return "set NOMAD_TOKEN to a management token"
	}
	return "run `wadi platform apply`, which makes one"
}

// ReadOperatorToken reads the token with which the blob store collects
// garbage; c.Space is the platform's own space. Where there is none, or it may
// not be read, the error is a *NoOperatorTokenError.
func (c *Client) ReadOperatorToken(ctx context.Context) (string, error) {
	v, err := c.ReadVariable(ctx, OperatorPath)
	if StatusOf(err) == http.StatusForbidden {
		return "", &NoOperatorTokenError{Space: c.Space, Forbidden: true}
	}
	if err != nil {
		return "", err
	}
	if v.Items[operatorItem] == "" {
		return "", &NoOperatorTokenError{Space: c.Space}
	}
	return v.Items[operatorItem], nil
}

// WriteOperatorToken stores it.
func (c *Client) WriteOperatorToken(ctx context.Context, token string) error {
	_, err := c.WriteVariable(ctx, OperatorPath, Variable{Items: map[string]string{operatorItem: token}})
	return err
}
