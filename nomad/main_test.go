package nomad

import (
	"testing"

	"wadi/internal/nomadtest"
)

func TestMain(m *testing.M) { nomadtest.Main(m) }
