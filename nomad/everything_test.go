package nomad

import (
	"errors"
	"testing"

	"wadi/internal/nomadtest"
	"wadi/nomad/agent"
)

func TestCheckSeesEverything(t *testing.T) {
	t.Parallel()
	shared := nomadtest.Agent(t)
	open := nomadtest.Private(t, agent.Config{})
	var some *NotEverythingError
	for _, c := range []struct {
		name, address, token string
		all                  bool
	}{
		{"a management token", shared.Address, shared.ManagementToken, true},
		{"a token of a policy", shared.Address, nomadtest.Token(t, `namespace "*" { policy = "write" }`), false},
		{"no token", shared.Address, "", false},
		{"no ACLs", open.Address, "", true},
		{"no ACLs, a token of elsewhere", open.Address, shared.ManagementToken, true},
	} {
		client, err := New(Config{Address: c.address, Token: c.token, Space: "default"})
		if err != nil {
			t.Fatal(err)
		}
		err = client.CheckSeesEverything(t.Context())
		if c.all != (err == nil) || !c.all && !errors.As(err, &some) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
