package router

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"
	"golang.org/x/sync/errgroup"

	"wadi/nomad"
)

const (
	blockFor = time.Minute // of a blocking query
	// roundGap lets a burst of registrations (a deploy of many instances)
	// become a few rounds.
	roundGap      = 50 * time.Millisecond
	retryFirst    = 100 * time.Millisecond
	retryMax      = 5 * time.Second
	parallelReads = 8
)

// watcher follows the registrations of apps in Nomad.
type watcher struct {
	nomad *api.Client
	log   *slog.Logger
	// publish takes the claims of one round. The instances of allocations
	// that were there before are the same as in earlier rounds.
	publish func(context.Context, []claim)

	known   map[string]*instance // verified, by registration
	notices noticeboard
	outage  string // what was last said of Nomad not answering; "" = it answers
}

// run follows Nomad until ctx ends.
func (w *watcher) run(ctx context.Context) {
	var index uint64
	retry := retryFirst
	for ctx.Err() == nil {
		next, err := w.round(ctx, index)
		wait := roundGap
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			w.down(err)
			// From the start again: an agent that came back without its
			// state counts from 1, and would let us wait for long.
			index, wait = 0, retry
			retry = min(2*retry, retryMax)
		default:
			w.up()
			index, retry = next, retryFirst
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// round waits for registrations newer than index, reads them and publishes.
func (w *watcher) round(ctx context.Context, index uint64) (uint64, error) {
	list, meta, err := w.list(ctx, index)
	if err != nil {
		return 0, fmt.Errorf("list the services of all namespaces: %w", err)
	}
	if len(list) == 0 {
		if err := w.checkRights(ctx); err != nil {
			return 0, err
		}
	}
	registrations, err := w.read(ctx, list)
	if err != nil {
		return 0, err
	}
	claims, notices, err := w.claims(ctx, registrations)
	if err != nil {
		return 0, err
	}
	for _, n := range w.notices.fresh(notices) {
		w.log.Warn(n)
	}
	w.publish(ctx, claims)
	if meta.LastIndex < index {
		return 0, nil
	}
	return meta.LastIndex, nil
}

func (w *watcher) list(ctx context.Context, index uint64) ([]*api.ServiceRegistrationListStub, *api.QueryMeta, error) {
	// Nomad adds up to a sixteenth to the wait.
	ctx, cancel := context.WithTimeout(ctx, blockFor+blockFor/16+10*time.Second)
	defer cancel()
	return w.nomad.Services().List((&api.QueryOptions{
		Namespace: api.AllNamespacesNamespace, WaitIndex: index, WaitTime: blockFor,
	}).WithContext(ctx))
}

// checkRights tells "no services" from "not allowed to see any", which the
// list of services answers in the same way.
func (w *watcher) checkRights(ctx context.Context) error {
	_, _, err := w.nomad.Allocations().List((&api.QueryOptions{
		Namespace: api.AllNamespacesNamespace, PerPage: 1,
	}).WithContext(ctx))
	if err != nil {
		return fmt.Errorf("list allocations: %w", err)
	}
	return nil
}

// read gets the registrations of all services that have a route.
func (w *watcher) read(ctx context.Context, list []*api.ServiceRegistrationListStub) ([]*api.ServiceRegistration, error) {
	var (
		mu  sync.Mutex
		all []*api.ServiceRegistration
	)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelReads)
	for _, namespace := range list {
		for _, service := range namespace.Services {
			if !hasRoute(service.Tags) {
				continue
			}
			group.Go(func() error {
				regs, _, err := w.nomad.Services().Get(service.ServiceName,
					(&api.QueryOptions{Namespace: namespace.Namespace}).WithContext(ctx))
				if err != nil {
					return fmt.Errorf("read service %s in namespace %s: %w", service.ServiceName, namespace.Namespace, err)
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, regs...)
				return nil
			})
		}
	}
	return all, group.Wait()
}

// claims makes claims of the registrations that are instances of ours. What
// it leaves out it says in the notices.
func (w *watcher) claims(ctx context.Context, registrations []*api.ServiceRegistration) ([]claim, []string, error) {
	notices, err := w.learn(ctx, registrations)
	if err != nil {
		return nil, nil, err
	}
	var claims []claim
	for _, reg := range registrations {
		if i := w.known[registrationKey(reg)]; i != nil {
			routes, bad := routesOf(reg)
			notices = append(notices, bad...)
			claims = append(claims, claim{instance: i, routes: routes})
		}
	}
	return claims, notices, nil
}

// learn makes known what the registrations are, verifying new ones, and
// forgets those that are gone. The notices say what new ones are not served.
func (w *watcher) learn(ctx context.Context, registrations []*api.ServiceRegistration) (notices []string, err error) {
	var mu sync.Mutex
	known := map[string]*instance{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelReads)
	started := map[string]bool{}
	for _, reg := range registrations {
		key := registrationKey(reg)
		if i, ok := w.known[key]; ok {
			mu.Lock()
			known[key] = i
			mu.Unlock()
			continue
		}
		if started[key] {
			continue
		}
		started[key] = true
		group.Go(func() error {
			i, reason, err := w.verify(ctx, reg)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			known[key] = i // nil: known not to be an instance of ours
			if reason != "" {
				notices = append(notices, reason)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	w.known = known
	return notices, nil
}

// verify reads the allocation of a registration. Without an instance it gives
// the reason; an allocation that is gone already has neither: its
// registration is about to follow.
func (w *watcher) verify(ctx context.Context, reg *api.ServiceRegistration) (*instance, string, error) {
	alloc, _, err := w.nomad.Allocations().Info(reg.AllocID, (&api.QueryOptions{Namespace: reg.Namespace}).WithContext(ctx))
	if nomad.StatusOf(err) == http.StatusNotFound {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("read allocation %s in namespace %s: %w", reg.AllocID, reg.Namespace, err)
	}
	i, err := verify(reg, alloc)
	if err != nil {
		return nil, fmt.Sprintf("service %s of job %s in namespace %s has routes but is not served: %v",
			reg.ServiceName, reg.JobID, reg.Namespace, err), nil
	}
	return i, "", nil
}

// down says once that, and why, Nomad does not answer as it should.
func (w *watcher) down(err error) {
	kind, hint := "unreachable", "the routes stay as they were; trying again"
	if code := nomad.StatusOf(err); code == http.StatusForbidden || code == http.StatusUnauthorized {
		kind = "forbidden"
		hint = "attach this ACL policy to the router's job or token: " + policy
	}
	if w.outage != kind {
		w.log.Error("nomad does not tell what to route to", "error", err, "next", hint)
	}
	w.outage = kind
}

func (w *watcher) up() {
	if w.outage != "" {
		w.log.Info("nomad answers again")
	}
	w.outage = ""
}

func hasRoute(tags []string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return strings.HasPrefix(tag, nomad.RouteTag) })
}

// routesOf reads the routes in a registration's tags; bad says what is wrong
// with those that are none.
func routesOf(reg *api.ServiceRegistration) (routes []route, bad []string) {
	for _, tag := range reg.Tags {
		text, ok := strings.CutPrefix(tag, nomad.RouteTag)
		if !ok {
			continue
		}
		r, err := parseRoute(text)
		if err != nil {
			bad = append(bad, fmt.Sprintf("route %q of job %s in namespace %s is not served: %v", text, reg.JobID, reg.Namespace, err))
			continue
		}
		routes = append(routes, r)
	}
	return routes, bad
}

// registrationKey tells registrations apart as far as verify looks at them.
func registrationKey(reg *api.ServiceRegistration) string {
	return fmt.Sprintf("%s %s %s:%d", reg.Namespace, reg.AllocID, reg.Address, reg.Port)
}
