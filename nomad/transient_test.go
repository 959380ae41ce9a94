package nomad

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestTransient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("x"), false},
		{context.Canceled, false},
		{&Error{Status: 0}, true},
		{fmt.Errorf("look: %w", &Error{Status: 500}), true},
		{&Error{Status: 403}, false},
		{&Error{Status: 404}, false},
	} {
		if got := Transient(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}
