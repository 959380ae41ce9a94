package server

import (
	"fmt"
	"net/http"

	"wadi/stage/blob"
)

// identity is who makes a request: people or operators (the holders of tokens
// that Nomad's ACL guards), or one task of Nomad's.
type identity struct {
	People    bool
	Operator  bool
	Namespace string
	Job       string
	Task      string
}

// verb is what a request does.
type verb string

// The verbs of the API.
const (
	verbAsk            verb = "ask for missing chunks"
	verbRead           verb = "read chunks and blobs"
	verbWrite          verb = "write chunks and blobs"
	verbReadResult     verb = "read a staging result"
	verbWriteResult    verb = "write a staging result"
	verbWriteLifecycle verb = "write the lifecycle"
	verbCollect        verb = "collect garbage"
)

// action is a verb with the result that it is about, if it is about one.
type action struct {
	Verb  verb
	Space string
	Key   string // staging key
}

// authorize is nil if id may do a, else the 403 that says what it may not.
// Operators may do everything, people all but collect garbage and write
// results, a staging job what its own staging needs, any other job of Nomad's
// may read.
func authorize(id identity, a action) error {
	switch {
	case id.Operator:
		return nil
	case id.People && (a.Verb == verbCollect || a.Verb == verbWriteResult):
		return refusef(http.StatusForbidden, "the people's token may not %s", a.Verb)
	case id.People:
		return nil
	}
	who := fmt.Sprintf("task %s of job %s in namespace %s", id.Task, id.Job, id.Namespace)
	_, keyPrefix, _, staging := blob.ParseStagingJobID(id.Job)
	switch a.Verb {
	case verbRead:
		if id.Job != "" {
			return nil
		}
	case verbAsk, verbWrite:
		if staging {
			return nil
		}
	case verbReadResult, verbWriteResult:
		if staging {
			if a.Space == id.Namespace && len(a.Key) >= len(keyPrefix) && a.Key[:len(keyPrefix)] == keyPrefix {
				return nil
			}
			return refusef(http.StatusForbidden, "%s may not %s but its own, of space %s and a key that starts with %s", who, a.Verb, id.Namespace, keyPrefix)
		}
	}
	return refusef(http.StatusForbidden, "%s may not %s", who, a.Verb)
}
