package server

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"wadi/stage/blob"
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("0123456789abcdef", 4)
	otherKey := strings.Repeat("f", 64)
	people, operator := identity{People: true}, identity{Operator: true}
	staging := identity{Namespace: "dev", Job: blob.StagingJobID("shop", key, "1"), Task: "stage"}
	app := identity{Namespace: "dev", Job: "shop", Task: "app"}
	almost := identity{Namespace: "dev", Job: "wadi_stage_shop_0123_1", Task: "stage"}
	nobody := identity{}

	verbs := []verb{verbAsk, verbRead, verbWrite, verbReadResult, verbWriteResult, verbWriteLifecycle, verbCollect}
	for name, c := range map[string]struct {
		id   identity
		may  map[verb]bool
		what action
	}{
		"people":               {people, map[verb]bool{verbAsk: true, verbRead: true, verbWrite: true, verbReadResult: true, verbWriteLifecycle: true}, action{Space: "prod", Key: otherKey}},
		"operators":            {operator, map[verb]bool{verbAsk: true, verbRead: true, verbWrite: true, verbReadResult: true, verbWriteResult: true, verbWriteLifecycle: true, verbCollect: true}, action{Space: "prod", Key: otherKey}},
		"staging, its own":     {staging, map[verb]bool{verbAsk: true, verbRead: true, verbWrite: true, verbReadResult: true, verbWriteResult: true}, action{Space: "dev", Key: key}},
		"staging, its digits":  {staging, map[verb]bool{verbAsk: true, verbRead: true, verbWrite: true, verbReadResult: true, verbWriteResult: true}, action{Space: "dev", Key: key[:16] + otherKey[:48]}},
		"staging, other space": {staging, map[verb]bool{verbAsk: true, verbRead: true, verbWrite: true}, action{Space: "prod", Key: key}},
		"staging, other key":   {staging, map[verb]bool{verbAsk: true, verbRead: true, verbWrite: true}, action{Space: "dev", Key: otherKey}},
		"staging, short key":   {staging, map[verb]bool{verbAsk: true, verbRead: true, verbWrite: true}, action{Space: "dev", Key: key[:15]}},
		"app":                  {app, map[verb]bool{verbRead: true}, action{Space: "dev", Key: key}},
		"almost staging":       {almost, map[verb]bool{verbRead: true}, action{Space: "dev", Key: key}},
		"nobody":               {nobody, nil, action{}},
	} {
		for _, v := range verbs {
			a := c.what
			a.Verb = v
			err := authorize(c.id, a)
			if c.may[v] {
				if err != nil {
					t.Errorf("%s may not %s: %v", name, v, err)
				}
				continue
			}
			var no *refusal
			if !errors.As(err, &no) || no.status != http.StatusForbidden || !strings.Contains(no.reason, string(v)) {
				t.Errorf("%s, %s: error = %v, want a 403 that says what", name, v, err)
			}
		}
	}
}
