package stage

import (
	"testing"

	"wadi/internal/sourcetest"
)

func TestMain(m *testing.M) { sourcetest.Main(m) }
