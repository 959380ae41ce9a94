package nomad

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"
)

// RoutesKey is the one key of an app's secret Variable that is not a
// revision: what instances are told of their routes when they start.
const RoutesKey = "routes"

// MaxVariableBytes is Nomad's limit for the keys and values of one Variable.
const MaxVariableBytes = 64 * 1024

// VariablePath is where a task of the job may read: the only path of ours
// under nomad/jobs.
func VariablePath(jobID string) string { return "nomad/jobs/" + jobID }

// RecordPath is where an app's record is.
func RecordPath(jobID string) string { return "wadi/apps/" + jobID }

// Variable is the content of one Nomad Variable. Index 0 = there is none.
type Variable struct {
	Items map[string]string
	Index uint64
}

// ErrConflict is a Variable or job that somebody else changed meanwhile.
var ErrConflict = errors.New("it was changed by somebody else meanwhile")

// Size is what counts against MaxVariableBytes.
func (v Variable) Size() int {
	n := 0
	for k, item := range v.Items {
		n += len(k) + len(item)
	}
	return n
}

// ReadVariable reads a Variable; one that does not exist has Index 0.
func (c *Client) ReadVariable(ctx context.Context, path string) (Variable, error) {
	v, _, err := c.API.Variables().Peek(path, c.query(ctx))
	if err != nil {
		return Variable{}, c.wrap("read the Nomad Variable "+path+" in space "+c.Space, err)
	}
	if v == nil {
		return Variable{}, nil
	}
	return Variable{Items: v.Items, Index: v.ModifyIndex}, nil
}

// WriteVariable writes a Variable if its index is still v.Index, and answers
// the new index. The error is ErrConflict if it is not.
func (c *Client) WriteVariable(ctx context.Context, path string, v Variable) (uint64, error) {
	op := "write the Nomad Variable " + path + " in space " + c.Space
	if size := v.Size(); size > MaxVariableBytes {
		parts := map[string]int{}
		for k, item := range v.Items {
			parts[k] = len(item)
		}
		return 0, &TooBigError{Path: path, Size: size, Parts: parts}
	}
	out, _, err := c.API.Variables().CheckedUpdate(&api.Variable{
		Namespace: c.Space, Path: path, Items: v.Items, ModifyIndex: v.Index,
	}, c.write(ctx))
	var conflict api.ErrCASConflict
	if errors.As(err, &conflict) {
		return 0, &Error{Op: op, Addr: c.addr, Status: http.StatusConflict, Err: ErrConflict, hint: "run the command again"}
	}
	if err != nil {
		return 0, c.wrap(op, err)
	}
	return out.ModifyIndex, nil
}

// DeleteVariable deletes a Variable; that it does not exist is no error.
func (c *Client) DeleteVariable(ctx context.Context, path string) error {
	_, err := c.API.Variables().Delete(path, c.write(ctx))
	if StatusOf(err) == http.StatusNotFound {
		return nil
	}
	return c.wrap("delete the Nomad Variable "+path+" in space "+c.Space, err)
}

// VariableIndex is the modify index of a Variable, 0 if there is none. It
// needs the right to list, not to read: no value is seen.
func (c *Client) VariableIndex(ctx context.Context, path string) (uint64, error) {
	list, _, err := c.API.Variables().PrefixList(path, c.query(ctx))
	if err != nil {
		return 0, c.wrap("list the Nomad Variable "+path+" in space "+c.Space, err)
	}
	for _, v := range list {
		if v.Path == path {
			return v.ModifyIndex, nil
		}
	}
	return 0, nil
}

// ListVariables lists the paths below a prefix, without any value.
func (c *Client) ListVariables(ctx context.Context, prefix string) ([]string, error) {
	list, _, err := c.API.Variables().PrefixList(prefix, c.query(ctx))
	if err != nil {
		return nil, c.wrap("list the Nomad Variables below "+prefix+" in space "+c.Space, err)
	}
	paths := make([]string, 0, len(list))
	for _, v := range list {
		paths = append(paths, v.Path)
	}
	return paths, nil
}

// TooBigError is a Variable over Nomad's 64 KiB.
type TooBigError struct {
	Path string
	Size int
	// Parts are the sizes in bytes of what it is made of, in the user's words.
	Parts map[string]int
}

func (e *TooBigError) Error() string {
	names := slices.SortedFunc(maps.Keys(e.Parts), func(a, b string) int { return cmp.Or(e.Parts[b]-e.Parts[a], cmp.Compare(a, b)) })
	var biggest []string
	for _, name := range names[:min(len(names), 3)] {
		biggest = append(biggest, fmt.Sprintf("%s with %d bytes", name, e.Parts[name]))
	}
	return fmt.Sprintf("the Nomad Variable %s would have %d bytes, Nomad takes %d; the biggest: %s",
		e.Path, e.Size, MaxVariableBytes, strings.Join(biggest, ", "))
}

// Hint says what to do next.
func (e *TooBigError) Hint() string {
	return "all env and bindings of an app share this; move large values to a file or a service"
}
