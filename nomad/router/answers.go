package router

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// statusClientGone is what the access log says of a request whose client did
// not wait for the answer, as in gorouter and nginx.
const statusClientGone = 499

// Values of X-Cf-RouterError, as gorouter's where it has one.
const (
	kindNoRoute     = "unknown_route"
	kindNoEndpoints = "no_endpoints"
	kindEndpoint    = "endpoint_failure"
	kindBadRequest  = "invalid_request"
	kindStarting    = "router_starting"
	kindClientGone  = "client_disconnected"
)

// answer is a response of the router's own. Its text is for whoever sent the
// request, so it holds no address of ours.
type answer struct {
	status int
	kind   string
	text   string
	header map[string]string
}

var (
	answerConnect  = answer{http.StatusMethodNotAllowed, kindBadRequest, "CONNECT is not served: this router reaches nothing but apps. Send the request itself.", map[string]string{"Allow": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}}
	answerForward  = answer{http.StatusBadRequest, kindBadRequest, "the request target has to be a path: this router reaches nothing but apps. Remove it from the client's proxy settings.", nil}
	answerNoHost   = answer{http.StatusBadRequest, kindBadRequest, "the request has no Host, by which its app is found. Send one.", nil}
	answerStarting = answer{http.StatusServiceUnavailable, kindStarting, "the router has just started and does not know the routes yet. Try again in a moment.", map[string]string{"Retry-After": "1"}}
)

func answerNoRoute(host string) answer {
	return answer{http.StatusNotFound, kindNoRoute, fmt.Sprintf(
		"Requested route ('%s') does not exist. No running app has it: `wadi status` lists those that do.", host), nil}
}

// errNoInstance means that no instance of the pool is ready.
var errNoInstance = errors.New("no instance is ready")

// explain turns the failure of an exchange into an answer. gone is the end of
// the client's own context, body what was sent of the request's, and i the
// instance that failed.
func explain(err, gone error, body *attemptBody, p *pool, i *instance) answer {
	var timeout net.Error
	name := p.app.name
	if errors.Is(err, errNoInstance) {
		return answer{http.StatusServiceUnavailable, kindNoEndpoints, fmt.Sprintf(
			"app %s has no ready instance (%d registered). `wadi status %[1]s` says how they are, `wadi logs --recent %[1]s` why.", name, len(p.instances)),
			map[string]string{"Retry-After": "1"}}
	}
	if gone != nil {
		return answer{status: statusClientGone, kind: kindClientGone}
	}
	if i == nil { // refused by ReverseProxy itself, before any instance was tried
		return answer{http.StatusBadRequest, kindBadRequest, "the request asks for a protocol whose name is not valid. Correct its Upgrade header.", nil}
	}
	if body.broken() {
		return answer{http.StatusBadRequest, kindBadRequest, "the body of the request ended too early or is not well-formed. Send it again.", nil}
	}
	bad := func(what string) answer {
		return answer{http.StatusBadGateway, kindEndpoint, fmt.Sprintf(
			"instance %d of app %[2]s %[3]s. `wadi logs --recent %[2]s` shows what it said.", i.index, name, what), nil}
	}
	switch {
	case isDialError(err):
		return bad("could not be reached")
	case errors.As(err, &timeout) && timeout.Timeout():
		return bad("did not answer in time (" + headerTimeout.String() + ")")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isReset(err):
		return bad("closed the connection before it had answered")
	default:
		return bad("did not answer in valid HTTP")
	}
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// isDialError says that no connection came about, so nothing was sent.
func isDialError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && !errors.Is(err, context.Canceled)
}
