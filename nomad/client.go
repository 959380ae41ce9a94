package nomad

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/hashicorp/nomad/api"
)

// Client talks to one Nomad on behalf of one space (namespace).
type Client struct {
	API   *api.Client
	Space string

	addr   string // without credentials
	region string // "" = the only one
}

// Config says which Nomad and which space. Everything that is empty comes
// from Nomad's own environment variables (NOMAD_ADDR, NOMAD_TOKEN, …).
type Config struct {
	Address string
	Token   string
	Space   string
}

// New makes a client; it sends nothing yet.
func New(c Config) (*Client, error) {
	ac := api.DefaultConfig()
	if c.Address != "" {
		ac.Address = c.Address
	}
	if c.Token != "" {
		ac.SecretID = c.Token
	}
	if c.Space != "" {
		ac.Namespace = c.Space
	}
	if ac.Namespace == "" || ac.Namespace == "*" {
		ac.Namespace = api.DefaultNamespace
	}
	client, err := api.NewClient(ac)
	if err != nil {
		return nil, &Error{Op: "read Nomad's address", Addr: redact(ac.Address), Err: err}
	}
	return &Client{API: client, Space: ac.Namespace, addr: redact(ac.Address), region: ac.Region}, nil
}

// In is the same client for another space.
func (c *Client) In(space string) *Client {
	other := *c
	other.Space = space
	return &other
}

// Address is Nomad's address, without credentials.
func (c *Client) Address() string { return c.addr }

// Region is the region that requests go to: NOMAD_REGION, or the only one.
func (c *Client) Region(ctx context.Context) (string, error) {
	if c.region != "" {
		return c.region, nil
	}
	var regions []string
	if _, err := c.API.Raw().Query("/v1/regions", &regions, c.query(ctx)); err != nil {
		return "", c.wrap("list the regions", err)
	}
	switch len(regions) {
	case 0:
		return "global", nil
	case 1:
		return regions[0], nil
	}
	return "", &Error{Op: "choose a region", Addr: c.addr, Status: http.StatusConflict,
		Err: fmt.Errorf("this Nomad has several: %s", strings.Join(regions, ", ")), hint: "set NOMAD_REGION to one of them"}
}

// Loopback says whether Nomad's address is on this machine.
func (c *Client) Loopback() bool {
	u, err := url.Parse(c.addr)
	if err != nil {
		return false
	}
	if u.Scheme == "unix" || u.Hostname() == "localhost" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

// CheckSpace answers a plain error if Nomad does not answer, or has no such
// namespace.
func (c *Client) CheckSpace(ctx context.Context) error {
	ns, _, err := c.API.Namespaces().Info(c.Space, c.query(ctx))
	switch {
	case StatusOf(err) == http.StatusNotFound && !strings.Contains(err.Error(), "amespace"):
		return &Error{Op: "use Nomad", Addr: c.addr, Status: http.StatusNotFound,
			Err: fmt.Errorf("what answers at %s is not Nomad", c.addr), hint: "set NOMAD_ADDR to Nomad's address"}
	case StatusOf(err) == http.StatusNotFound:
		return &Error{Op: "use space " + c.Space, Addr: c.addr, Status: http.StatusNotFound,
			Err: fmt.Errorf("there is no namespace %q in Nomad", c.Space), hint: "create it: nomad namespace apply " + c.Space}
	case StatusOf(err) == http.StatusForbidden && ns == nil:
		return nil // a token may use a namespace that it cannot describe
	case err != nil:
		return c.wrap("use space "+c.Space, err)
	}
	return nil
}

func (c *Client) query(ctx context.Context) *api.QueryOptions {
	return (&api.QueryOptions{Namespace: c.Space}).WithContext(ctx)
}

func (c *Client) write(ctx context.Context) *api.WriteOptions {
	return (&api.WriteOptions{Namespace: c.Space}).WithContext(ctx)
}

// Error is a request to Nomad that failed: what, where, and Nomad's answer.
// Status is 0 where Nomad did not answer.
type Error struct {
	Op     string
	Addr   string
	Status int
	Err    error
	hint   string
}

func (e *Error) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("cannot %s: Nomad at %s does not answer: %v", e.Op, e.Addr, e.Err)
	}
	return fmt.Sprintf("cannot %s: %v", e.Op, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do next.
func (e *Error) Hint() string {
	switch {
	case e.hint != "":
		return e.hint
	case e.Status == 0 && !strings.Contains(e.Addr, "://"):
		return "write NOMAD_ADDR as http://" + e.Addr
	case e.Status == 0 && strings.Contains(e.Err.Error(), "server gave HTTP response to HTTPS client"):
		return "write NOMAD_ADDR with http:// in place of https://"
	case e.Status == 0:
		return "start Nomad or set NOMAD_ADDR; `wadi dev` brings a Nomad of its own"
	case e.Status == http.StatusForbidden && os.Getenv("NOMAD_TOKEN") == "":
		return "this Nomad wants a token: set NOMAD_TOKEN"
	case e.Status == http.StatusForbidden && strings.Contains(e.Err.Error(), "token not found"):
		return "Nomad does not know the token in NOMAD_TOKEN"
	case e.Status == http.StatusForbidden:
		return "the token in NOMAD_TOKEN may not do this; ask for a policy that allows it"
	}
	return ""
}

// wrap makes an Error of what nomad/api answered; it passes nil and
// cancellation through.
func (c *Client) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	status := StatusOf(err)
	var unexpected api.UnexpectedResponseError
	if errors.As(err, &unexpected) && unexpected.Body() != "" {
		err = errors.New(strings.TrimSpace(unexpected.Body()))
	} else {
		var dial *url.Error
		if errors.As(err, &dial) {
			err = dial.Err // its text repeats the URL
		}
	}
	return &Error{Op: op, Addr: c.addr, Status: status, Err: err}
}

// StatusOf is the HTTP status that Nomad answered with, 0 if err is none of
// Nomad's answers.
func StatusOf(err error) int {
	var ours *Error
	if errors.As(err, &ours) {
		return ours.Status
	}
	var unexpected api.UnexpectedResponseError
	if errors.As(err, &unexpected) && unexpected.HasStatusCode() {
		return unexpected.StatusCode()
	}
	return 0
}

// Transient says of an error of this package that Nomad did not answer, or
// not well: asking again may help.
func Transient(err error) bool {
	var ours *Error
	return errors.As(err, &ours) && (ours.Status == 0 || ours.Status >= http.StatusInternalServerError)
}

func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Redacted()
}
