package reconcile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"wadi/nomad"
	"wadi/spec"
	"wadi/stage/lifecycle"
)

// defaultStack is the stack of an app that names none.
const defaultStack = "host"

// process is one process type with its defaults, and the Nomad group it is.
type process struct {
	spec.Process
	Group    string
	CountSet bool // the files say how many; else the live count is kept
}

// desired is what one app should be, everything the files leave open decided.
type desired struct {
	App       spec.App
	ID        string     // of the Nomad job
	Stack     spec.Stack // where it runs
	StackName string     // CF_STACK: as the files say, known or not
	// StackImage is what its image is now, once it was asked for.
	StackImage string
	Processes  []process // web first
	Routes     []string  // "host[/path]", sorted
	Bindings   []binding
	InFlight   int
	NoRoot     bool // processes of an image may not be root
	// Image is what the registry says of the app's image, once it was asked;
	// nil for an app that is staged from source.
	Image *lifecycle.ImageMetadata
	// Staging is where an image's registry is asked from a node; nil = nowhere.
	Staging *spec.Stack
	// Login is with whose rights the image is pulled; nil = anybody's.
	Login *login
}

// describeStack words the stack: its name and, of docker, the image.
func (d desired) describeStack() string {
	if d.Stack.Driver == nomad.DriverDocker {
		return d.StackName + " (docker " + d.Stack.Image + ")"
	}
	return d.StackName
}

var hostLabel = regexp.MustCompile(`^(\*|[A-Za-z0-9_-]+)$`)

// desire decides what the files leave open. The diagnostics are what cannot
// be served (errors) and what is served otherwise than said (warnings).
func desire(app spec.App, o Options) (desired, spec.Diagnostics) {
	d := desired{App: app, ID: spec.JobID(app.Name), InFlight: 1, NoRoot: o.RefuseRoot}
	diags := unsupported(app)
	d.Stack, d.StackName = spec.Stack{Name: defaultStack, Driver: nomad.DriverRawExec}, defaultStack
	if declared, ok := o.Stacks[defaultStack]; ok {
		d.Stack = declared
	}
	if app.Docker != nil {
		d.Staging = imageStaging(app, d.Stack, o)
		d.Stack, d.StackName = imageStack(app, o), ""
		var more spec.Diagnostics
		d.Login, more = loginOf(app, o)
		diags = append(diags, more...)
	} else if app.Stack != "" {
		d.StackName = app.Stack
		if declared, ok := o.Stacks[app.Stack]; ok {
			d.Stack = declared
		} else if app.Stack != defaultStack {
			diags = append(diags, at(app, "stack", spec.SeverityWarning,
				fmt.Sprintf("stack %q is not declared, so app %q runs on stack %q", app.Stack, app.Name, defaultStack),
				"Buildpacks see its name as CF_STACK. Declare it with a `stack` block in wadi.hcl to say where it runs."))
		}
	}
	if app.Docker == nil && d.Stack.Driver == nomad.DriverDocker && !nomad.IsImage(d.Stack.Image) {
		diags = append(diags, d.Stack.Pos.Diagnostic(spec.SeverityError, "stack."+d.Stack.Name,
			fmt.Sprintf("the image %q of stack %q is no name of an image", d.Stack.Image, d.Stack.Name),
			`Write [registry/]repository[:tag][@digest], as in "cloudfoundry/cflinuxfs4:1.200.0".`))
	}
	if app.Deploy.MaxInFlight != nil {
		d.InFlight = *app.Deploy.MaxInFlight
	}
	set := map[string]bool{}
	for _, p := range app.Processes {
		set[p.Type] = p.Instances != nil
	}
	for _, p := range spec.EffectiveProcesses(app) {
		d.Processes = append(d.Processes, process{Process: p, Group: nomad.GroupName(p.Type), CountSet: set[p.Type]})
	}
	diags = append(diags, checkSidecarMemory(app, d.Processes, nil)...)
	var more spec.Diagnostics
	d.Routes, more = routesOf(app, o.Domain)
	return d, append(diags, more...)
}

// checkSidecarMemory holds sidecars, of the files and brought by buildpacks, to
// the process they share: their memory is carved out of its memory, and
// something must be left.
func checkSidecarMemory(app spec.App, processes []process, brought []lifecycle.Sidecar) spec.Diagnostics {
	var diags spec.Diagnostics
	for _, p := range processes {
		sum := 0
		for _, s := range sidecarsOf(app, p.Type) {
			sum += s.MemoryMB
		}
		for _, s := range brought {
			if slices.Contains(s.ProcessTypes, p.Type) {
				sum += s.MemoryMB
			}
		}
		if sum > 0 && sum >= *p.MemoryMB {
			diags = append(diags, at(app, "sidecars", spec.SeverityError,
				fmt.Sprintf("For application '%s': The memory allocation defined is too large to run with the dependent \"%s\" process", app.Name, p.Type),
				fmt.Sprintf("Its sidecars take %s of the process's %s: give the process more, or them less.", megabytes(sum), megabytes(*p.MemoryMB))))
		}
	}
	return diags
}

// sidecarsOf are the sidecars of the files for a process type, in file order.
func sidecarsOf(app spec.App, processType string) []lifecycle.Sidecar {
	var out []lifecycle.Sidecar
	for _, s := range app.Sidecars {
		if !slices.Contains(s.ProcessTypes, processType) {
			continue
		}
		sidecar := lifecycle.Sidecar{Name: s.Name, ProcessTypes: s.ProcessTypes, Command: s.Command}
		if s.MemoryMB != nil {
			sidecar.MemoryMB = *s.MemoryMB
		}
		out = append(out, sidecar)
	}
	return out
}

// routesOf are the routes of an app: its own, or the default one.
func routesOf(app spec.App, domain string) ([]string, spec.Diagnostics) {
	switch app.RouteMode {
	case spec.RoutesNone, spec.RoutesRandom:
		return nil, nil
	case spec.RoutesExplicit:
		var routes []string
		for _, r := range app.Routes {
			routes = append(routes, strings.ToLower(r.Host)+strings.TrimSuffix(r.Path, "/"))
		}
		slices.Sort(routes)
		return slices.Compact(routes), nil
	}
	if !hostLabel.MatchString(app.Name) || len(app.Name) > 63 {
		reason := `Host must be either "*" or contain only alphanumeric characters, "_", or "-"`
		if len(app.Name) > 63 {
			reason = "Host cannot exceed 63 characters"
		}
		return nil, spec.Diagnostics{at(app, "name", spec.SeverityError,
			fmt.Sprintf("For application '%s': Failed to create default route from app name: %s", app.Name, reason),
			"Give the app `routes`, or `no-route: true` (HCL: no_route = true).")}
	}
	return []string{strings.ToLower(app.Name) + "." + domain}, nil
}

// unsupported names what validate accepts and nothing serves yet.
func unsupported(app spec.App) spec.Diagnostics {
	var diags spec.Diagnostics
	if id := spec.JobID(app.Name); id == nomad.BlobStoreJobID || id == nomad.RouterJobID {
		diags = append(diags, at(app, "name", spec.SeverityError, fmt.Sprintf("app %q has the name of a job of the platform", app.Name), "Give it another name."))
	}
	refuse := func(field, what string) {
		diags = append(diags, at(app, field, spec.SeverityError,
			fmt.Sprintf("app %q: %s is not supported yet", app.Name, what), "Take it out of the files to go on without it."))
	}
	switch {
	case app.Docker == nil && app.Lifecycle != "" && app.Lifecycle != "buildpack":
		refuse("lifecycle", fmt.Sprintf("lifecycle %q", app.Lifecycle))
	}
	if len(app.Metadata.Labels)+len(app.Metadata.Annotations) > 0 {
		refuse("metadata", "metadata (labels and annotations)")
	}
	diags = append(diags, checkFeatures(app)...)
	if app.RouteMode == spec.RoutesRandom {
		refuse("random-route", "random-route")
	}
	if app.Deploy.Strategy != "" && app.Deploy.Strategy != "rolling" {
		refuse("deploy", fmt.Sprintf("deploy strategy %q", app.Deploy.Strategy))
	}
	for i, r := range app.Routes {
		field := fmt.Sprintf("routes[%d]", i)
		switch {
		case app.RouteMode != spec.RoutesExplicit:
		case r.Port != 0 || r.Protocol == "tcp":
			refuse(field, "a TCP route ("+r.Route+")")
		case r.Protocol == "http2":
			refuse(field, "protocol http2 (route "+r.Route+")")
		case len(r.Options) > 0:
			refuse(field, "route options (route "+r.Route+")")
		}
	}
	for _, p := range app.Processes {
		if p.LogRateLimitBPS != nil && *p.LogRateLimitBPS != spec.DefaultLogRateLimitBPS {
			refuse(processField(app, p.Type, "log_rate_limit_per_second"), fmt.Sprintf("a log rate limit (process %q)", p.Type))
		}
		if p.User != nil && *p.User != "vcap" && app.Docker == nil {
			refuse(processField(app, p.Type, "user"), fmt.Sprintf("user %q of process %q", *p.User, p.Type))
		}
	}
	return diags
}

// at is a diagnostic about a field of an app.
func at(app spec.App, field string, severity spec.Severity, summary, detail string) spec.Diagnostic {
	pos, ok := app.FieldPos[field]
	if !ok {
		pos = app.Pos
	}
	return pos.Diagnostic(severity, app.Field+"."+field, summary, detail)
}
