package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// allocLabel is the label that Nomad's docker driver gives each container.
const allocLabel = "com.hashicorp.nomad.alloc_id"

// removeContainers removes the containers of the allocations, which outlive
// an agent that is killed. Without an engine there are none.
func removeContainers(ctx context.Context, allocs []string) error {
	socket := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if socket == "" {
		socket = "/var/run/docker.sock"
	}
	if _, err := os.Stat(socket); err != nil || len(allocs) == 0 {
		return nil
	}
	d := dockerEngine{&http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}}
	var errs []error
	for _, id := range allocs {
		if err := d.removeLabelled(ctx, allocLabel+"="+id); err != nil {
			var refused *net.OpError
			if errors.As(err, &refused) {
				return nil // no engine behind the socket: no containers
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// dockerEngine is a Docker engine's HTTP API, as far as it is needed here.
type dockerEngine struct{ client *http.Client }

func (d dockerEngine) removeLabelled(ctx context.Context, label string) error {
	filters, err := json.Marshal(map[string][]string{"label": {label}})
	if err != nil {
		return fmt.Errorf("ask Docker for containers: %w", err)
	}
	var found []struct{ ID string }
	if err := d.do(ctx, http.MethodGet, "/containers/json?all=true&filters="+url.QueryEscape(string(filters)), &found); err != nil {
		return err
	}
	for _, c := range found {
		if err := d.do(ctx, http.MethodDelete, "/containers/"+c.ID+"?force=true&v=true", nil); err != nil {
			return err
		}
	}
	return nil
}

func (d dockerEngine) do(ctx context.Context, method, path string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, nil)
	if err != nil {
		return fmt.Errorf("ask Docker: %w", err)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask Docker: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 400 && resp.StatusCode != http.StatusNotFound {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("docker %s %s: %s: %s", method, path, resp.Status, strings.TrimSpace(string(text)))
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read Docker's answer: %w", err)
	}
	return nil
}
