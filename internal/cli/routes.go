package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wadi/reconcile"
)

// routePatience is how long the router may take to see a new instance.
const routePatience = 15 * time.Second

// routerError is the header by which a router says that it answered itself
// (gorouter's name).
const routerError = "X-Cf-RouterError"

// askRoutes asks every route of the apps until an app answers it, and prints
// the URLs.
func (d *dev) askRoutes(ctx context.Context, r *reconcile.Reconciler, outcome *reconcile.Outcome) error {
	var failed error
	for _, app := range outcome.Apps {
		if app.Status == nil {
			continue
		}
		for i, address := range app.Status.URLs {
			if strings.HasPrefix(app.Status.Routes[i], "*.") {
				continue // which host should be asked?
			}
			status, err := askUntil(ctx, r.Platform.RouterURL, app.Status.Routes[i])
			if err != nil {
				failed = errors.Join(failed, withHint(fmt.Errorf("app %q does not answer at %s: %w", app.App, address, err), "see `wadi status %s`", shellQuote(app.App)))
				continue
			}
			if _, err := fmt.Fprintf(d.streams.Out, "\n%s  %s\n", address, status); err != nil {
				return err
			}
		}
	}
	return failed
}

// askUntil asks a route until its app answers.
func askUntil(ctx context.Context, base, route string) (status string, err error) {
	ctx, cancel := context.WithTimeout(ctx, routePatience)
	defer cancel()
	for {
		status, err = ask(ctx, base, route)
		var not *notRouted
		if err == nil || !errors.As(err, &not) {
			return status, err
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// notRouted is an answer of the router itself, in the place of an app's.
type notRouted struct{ Status, Text string }

func (e *notRouted) Error() string { return e.Status + ": " + e.Text }

// ask requests a route ("host[/path]") from the router at base. The host is
// only named, not looked up: *.localhost does not resolve everywhere.
func ask(ctx context.Context, base, route string) (status string, err error) {
	host, path, _ := strings.Cut(route, "/")
	target, err := url.JoinPath(base, path)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return "", err
	}
	req.Host = host
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get(routerError); kind != "" {
		text, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
		if err != nil {
			return "", err
		}
		return "", &notRouted{resp.Status, clean(strings.TrimSpace(string(text)))}
	}
	return resp.Status, nil
}
