package reconcile

import (
	"context"
	"fmt"
	"slices"

	"wadi/spec"
)

// sameRoutes finds routes that two apps of the files claim, default routes
// included.
func sameRoutes(wants []desired) spec.Diagnostics {
	var errs spec.Diagnostics
	holder := map[string]string{}
	for _, d := range wants {
		for _, route := range d.Routes {
			if other, taken := holder[route]; taken {
				errs = append(errs, at(d.App, "routes", spec.SeverityError,
					fmt.Sprintf("route %q is claimed by apps %q and %q", route, other, d.App.Name), "A route belongs to one app: take it out of one of them."))
				continue
			}
			holder[route] = d.App.Name
		}
	}
	return errs
}

// checkRoutes refuses routes that another job holds.
func (r *Reconciler) checkRoutes(ctx context.Context, wants []desired, gone []AppPlan, w world) error {
	// what leaves the files in the same apply gives its routes up
	mine := map[string]bool{}
	for _, d := range wants {
		mine[d.ID] = true
	}
	for _, app := range gone {
		if app.Action == Destroy {
			mine[app.Job] = true
		}
	}
	var errs spec.Diagnostics
	for _, d := range wants {
		for _, held := range w.Routes {
			if !slices.Contains(d.Routes, held.Route) {
				continue
			}
			holder := held.Job
			if holder == "" {
				jobs, err := r.Nomad.ServiceJobs(ctx, held.Space, held.Service)
				if err != nil {
					return err
				}
				if len(jobs) == 0 {
					continue // gone meanwhile
				}
				holder = jobs[0]
			}
			if held.Space == r.Nomad.Space && mine[holder] {
				continue
			}
			errs = append(errs, at(d.App, "routes", spec.SeverityError,
				fmt.Sprintf("app %q: route %q is held by job %q in space %q", d.App.Name, held.Route, holder, held.Space),
				"Take the route from that app first, or give this one another."))
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}
