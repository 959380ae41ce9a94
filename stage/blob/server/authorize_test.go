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
	people, operator := Identity{People: true}, Identity{Operator: true}
	staging := Identity{Namespace: "dev", Job: blob.StagingJobID("shop", key, "1"), Task: "stage"}
	app := Identity{Namespace: "dev", Job: "shop", Task: "app"}
	almost := Identity{Namespace: "dev", Job: "wadi_stage_shop_0123_1", Task: "stage"}
	nobody := Identity{}

	verbs := []Verb{Ask, Read, Write, ReadResult, WriteResult, WriteLifecycle, Collect}
	for name, c := range map[string]struct {
		id   Identity
		may  map[Verb]bool
		what Action
	}{
		"people":               {people, map[Verb]bool{Ask: true, Read: true, Write: true, ReadResult: true, WriteLifecycle: true}, Action{Space: "prod", Key: otherKey}},
		"operators":            {operator, map[Verb]bool{Ask: true, Read: true, Write: true, ReadResult: true, WriteResult: true, WriteLifecycle: true, Collect: true}, Action{Space: "prod", Key: otherKey}},
		"staging, its own":     {staging, map[Verb]bool{Ask: true, Read: true, Write: true, ReadResult: true, WriteResult: true}, Action{Space: "dev", Key: key}},
		"staging, its digits":  {staging, map[Verb]bool{Ask: true, Read: true, Write: true, ReadResult: true, WriteResult: true}, Action{Space: "dev", Key: key[:16] + otherKey[:48]}},
		"staging, other space": {staging, map[Verb]bool{Ask: true, Read: true, Write: true}, Action{Space: "prod", Key: key}},
		"staging, other key":   {staging, map[Verb]bool{Ask: true, Read: true, Write: true}, Action{Space: "dev", Key: otherKey}},
		"staging, short key":   {staging, map[Verb]bool{Ask: true, Read: true, Write: true}, Action{Space: "dev", Key: key[:15]}},
		"app":                  {app, map[Verb]bool{Read: true}, Action{Space: "dev", Key: key}},
		"almost staging":       {almost, map[Verb]bool{Read: true}, Action{Space: "dev", Key: key}},
		"nobody":               {nobody, nil, Action{}},
	} {
		for _, v := range verbs {
			a := c.what
			a.Verb = v
			err := Authorize(c.id, a)
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
