package instance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"wadi/stage/lifecycle"
)

// probes says whether a check of this type probes anything: "process" and
// "none" are met by a process that runs.
func probes(c lifecycle.Check) bool { return c.Type == "port" || c.Type == "http" }

// probe checks once, with the texts of Cloud Foundry's healthcheck.
func probe(ctx context.Context, c lifecycle.Check, host string, port int) error {
	timeout := time.Second
	if c.InvocationTimeoutS > 0 {
		timeout = time.Duration(c.InvocationTimeoutS) * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if c.Type == "http" {
		return probeHTTP(ctx, c.Endpoint, host, port, timeout)
	}
	return probeTCP(ctx, host, port, timeout)
}

func probeTCP(ctx context.Context, host string, port int, timeout time.Duration) error {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err == nil {
		return conn.Close()
	}
	if isTimeout(err) {
		return fmt.Errorf("failed to make TCP connection to %s: timed out after %.2f seconds", address, timeout.Seconds())
	}
	return fmt.Errorf("failed to make TCP connection to %s: %w", address, reason(err))
}

// prober follows redirects and keeps no connection: every probe is a visit.
var prober = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func probeHTTP(ctx context.Context, endpoint, host string, port int, timeout time.Duration) error {
	if endpoint == "" {
		endpoint = "/"
	}
	failed := func(format string, args ...any) error {
		return fmt.Errorf("failed to make HTTP request to '%s' on port %d: "+format, append([]any{endpoint, port}, args...)...)
	}
	url := "http://" + net.JoinHostPort(host, strconv.Itoa(port)) + endpoint
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return failed("%w", err)
	}
	request.Header.Set("User-Agent", "diego-healthcheck")
	request.Header.Set("X-Forwarded-Proto", "https")
	start := time.Now()
	response, err := prober.Do(request)
	if isTimeout(err) {
		return failed("timed out after %.2f seconds", timeout.Seconds())
	}
	if err != nil {
		return failed("%w", reason(err))
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return failed("received status code %d in %dms", response.StatusCode, time.Since(start).Milliseconds())
	}
	return nil
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout()
}

// reason is the innermost cause that a person wants to read ("connection
// refused"), without Go's own wrapping.
func reason(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
