package server

import (
	"fmt"
	"net/http"

	"wadi/stage/blob"
)

// Identity is who makes a request: people or operators (the holders of tokens
// that Nomad's ACL guards), or one task of Nomad's.
type Identity struct {
	People    bool
	Operator  bool
	Namespace string
	Job       string
	Task      string
}

// Verb is what a request does.
type Verb string

// The verbs of the API.
const (
	Ask            Verb = "ask for missing chunks"
	Read           Verb = "read chunks and blobs"
	Write          Verb = "write chunks and blobs"
	ReadResult     Verb = "read a staging result"
	WriteResult    Verb = "write a staging result"
	WriteLifecycle Verb = "write the lifecycle"
	Collect        Verb = "collect garbage"
)

// Action is a verb with the result that it is about, if it is about one.
type Action struct {
	Verb  Verb
	Space string
	Key   string // staging key
}

// Authorize is nil if id may do a, else the 403 that says what it may not.
// Operators may do everything, people all but collect garbage and write
// results, a staging job what its own staging needs, any other job of Nomad's
// may read.
func Authorize(id Identity, a Action) error {
	switch {
	case id.Operator:
		return nil
	case id.People && (a.Verb == Collect || a.Verb == WriteResult):
		return refusef(http.StatusForbidden, "the people's token may not %s", a.Verb)
	case id.People:
		return nil
	}
	who := fmt.Sprintf("task %s of job %s in namespace %s", id.Task, id.Job, id.Namespace)
	_, keyPrefix, _, staging := blob.ParseStagingJobID(id.Job)
	switch a.Verb {
	case Read:
		if id.Job != "" {
			return nil
		}
	case Ask, Write:
		if staging {
			return nil
		}
	case ReadResult, WriteResult:
		if staging {
			if a.Space == id.Namespace && len(a.Key) >= len(keyPrefix) && a.Key[:len(keyPrefix)] == keyPrefix {
				return nil
			}
			return refusef(http.StatusForbidden, "%s may not %s but its own, of space %s and a key that starts with %s", who, a.Verb, id.Namespace, keyPrefix)
		}
	}
	return refusef(http.StatusForbidden, "%s may not %s", who, a.Verb)
}
