package sleep

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestForAnswersWhyItEnded(t *testing.T) {
	t.Parallel()
	cause := errors.New("not needed any more")
	ended, end := context.WithCancelCause(t.Context())
	end(cause)
	for _, d := range []time.Duration{0, time.Hour} {
		if err := For(ended, d); !errors.Is(err, cause) {
			t.Errorf("For(%s) = %v", d, err)
		}
	}
	if err := For(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
}
