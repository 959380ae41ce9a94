package spec

import (
	"bytes"
	"encoding/json"
)

// masked stands for every value of a variable declared sensitive.
const masked = "(sensitive)"

type reportDoc struct {
	Valid       bool        `json:"valid"`
	Diagnostics Diagnostics `json:"diagnostics"`
	Apps        []reportApp `json:"apps"`
}

// reportApp has a key only where a file sets it: nil and "" stay out, empty
// lists that were written stay in.
type reportApp struct {
	Name       string            `json:"name"`
	Path       any               `json:"path,omitempty"`
	Stack      any               `json:"stack,omitempty"`
	Lifecycle  string            `json:"lifecycle,omitempty"`
	Docker     *reportDocker     `json:"docker,omitempty"`
	Buildpacks any               `json:"buildpacks,omitempty"`
	Env        map[string]string `json:"env,omitzero"`
	RouteMode  RouteMode         `json:"route_mode,omitempty"`
	Routes     []reportRoute     `json:"routes,omitzero"`
	Services   []reportService   `json:"services,omitzero"`
	Processes  []reportProcess   `json:"processes,omitempty"`
	Sidecars   []reportSidecar   `json:"sidecars,omitzero"`
	Metadata   *reportMetadata   `json:"metadata,omitempty"`
	Features   map[string]bool   `json:"features,omitempty"`
	Deploy     *reportDeploy     `json:"deploy,omitempty"`
}

type reportDocker struct {
	Image    any `json:"image,omitempty"`
	Username any `json:"username,omitempty"`
}

type reportRoute struct {
	Route    any               `json:"route"`
	Host     string            `json:"host,omitempty"`
	Port     int               `json:"port,omitempty"`
	Path     string            `json:"path,omitempty"`
	Protocol string            `json:"protocol,omitempty"`
	Options  map[string]string `json:"options,omitempty"`
}

type reportService struct {
	Name        string `json:"name"`
	BindingName string `json:"binding_name,omitempty"`
	Parameters  any    `json:"parameters,omitempty"`
}

type reportProcess struct {
	Type                 string `json:"type"`
	Instances            any    `json:"instances,omitempty"`
	MemoryMB             any    `json:"memory_mb,omitempty"`
	DiskMB               any    `json:"disk_mb,omitempty"`
	LogRateLimitBPS      any    `json:"log_rate_limit_bps,omitempty"`
	CPU                  any    `json:"cpu,omitempty"`
	Command              any    `json:"command,omitempty"`
	User                 any    `json:"user,omitempty"`
	HealthCheckType      any    `json:"health_check_type,omitempty"`
	HealthCheckEndpoint  any    `json:"health_check_http_endpoint,omitempty"`
	TimeoutS             any    `json:"timeout_s,omitempty"`
	HealthCheckIntervalS any    `json:"health_check_interval_s,omitempty"`
	HealthCheckTimeoutS  any    `json:"health_check_invocation_timeout_s,omitempty"`
	ReadinessType        any    `json:"readiness_health_check_type,omitempty"`
	ReadinessEndpoint    any    `json:"readiness_health_check_http_endpoint,omitempty"`
	ReadinessIntervalS   any    `json:"readiness_health_check_interval_s,omitempty"`
	ReadinessTimeoutS    any    `json:"readiness_health_check_invocation_timeout_s,omitempty"`
	reportPlacement
}

type reportPlacement struct {
	NodePool    string             `json:"node_pool,omitempty"`
	Datacenters []string           `json:"datacenters,omitempty"`
	Constraints []reportConstraint `json:"constraints,omitempty"`
}

type reportConstraint struct {
	Attribute string `json:"attribute,omitempty"`
	Operator  string `json:"operator"`
	Value     string `json:"value,omitempty"`
}

type reportSidecar struct {
	Name         string   `json:"name"`
	Command      any      `json:"command,omitempty"`
	ProcessTypes []string `json:"process_types"`
	MemoryMB     *int     `json:"memory_mb,omitempty"`
}

type reportMetadata struct {
	Labels      map[string]any `json:"labels,omitempty"`
	Annotations map[string]any `json:"annotations,omitempty"`
}

type reportDeploy struct {
	Strategy    string `json:"strategy,omitempty"`
	MaxInFlight *int   `json:"max_in_flight,omitempty"`
}

// ReportJSON is the document that `wadi validate --json` prints, indented and
// without a newline at the end: what the files request, a key only where a file
// sets it. Values of HCL variables declared sensitive are "(sensitive)";
// those of ((var)) are shown.
func ReportJSON(doc *Document, diags Diagnostics) ([]byte, error) {
	out := reportDoc{Valid: !diags.HasErrors(), Diagnostics: diags, Apps: []reportApp{}}
	if out.Diagnostics == nil {
		out.Diagnostics = Diagnostics{}
	}
	if doc != nil {
		for _, app := range doc.Apps {
			out.Apps = append(out.Apps, newReporter(app).app())
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(out)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

type reporter struct{ a App }

func newReporter(a App) reporter { return reporter{a} }

// text is a value for its key: nil leaves the key out.
func (r reporter) text(path, value string) any {
	switch {
	case value == "":
		return nil
	case r.a.Masked[path]:
		return masked
	}
	return value
}

func number[T int | int64](r reporter, path string, value *T) any {
	switch {
	case value == nil:
		return nil
	case r.a.Masked[path]:
		return masked
	}
	return *value
}

func (r reporter) app() reportApp {
	a := r.a
	out := reportApp{
		Name: a.Name, Path: r.text("path", a.PathWritten), Stack: r.text("stack", a.Stack), Lifecycle: a.Lifecycle,
		RouteMode: a.RouteMode, Features: a.Features, Buildpacks: r.buildpacks(),
	}
	if a.Docker != nil {
		out.Docker = &reportDocker{r.text("docker.image", a.Docker.Image), r.text("docker.username", a.Docker.Username)}
	}
	if a.Env != nil {
		out.Env = make(map[string]string, len(a.Env))
		for k, v := range a.Env {
			if a.Masked["env."+k] {
				v = masked
			}
			out.Env[k] = v
		}
	}
	// The keys say "explicit" even where no-route overrules the list.
	if a.Routes != nil {
		out.RouteMode = RoutesExplicit
		out.Routes = r.routes()
	}
	if a.Services != nil {
		out.Services = r.services()
	}
	for _, p := range a.Processes {
		out.Processes = append(out.Processes, r.process(p))
	}
	if a.Sidecars != nil {
		out.Sidecars = r.sidecars()
	}
	out.Metadata = r.metadata()
	if a.Deploy != (Deploy{}) {
		out.Deploy = &reportDeploy{a.Deploy.Strategy, a.Deploy.MaxInFlight}
	}
	return out
}

func (r reporter) buildpacks() any {
	if r.a.Buildpacks == nil {
		return nil
	}
	out := make([]string, len(r.a.Buildpacks))
	for i, b := range r.a.Buildpacks {
		if out[i] = b; r.a.Masked[indexed("buildpacks", i)] || r.a.Masked["buildpacks"] {
			out[i] = masked
		}
	}
	return out
}

func (r reporter) routes() []reportRoute {
	out := make([]reportRoute, len(r.a.Routes))
	for i, route := range r.a.Routes {
		if r.a.Masked[indexed("routes", i)] {
			out[i] = reportRoute{Route: masked}
			continue
		}
		out[i] = reportRoute{route.Written, route.Host, route.Port, route.Path, route.Protocol, route.Options}
	}
	return out
}

func (r reporter) services() []reportService {
	out := make([]reportService, len(r.a.Services))
	for i, s := range r.a.Services {
		out[i] = reportService{Name: s.Name, BindingName: s.BindingName}
		if s.Parameters == nil {
			continue
		}
		if out[i].Parameters = any(s.Parameters); r.a.Masked[indexed("services", i)] {
			out[i].Parameters = masked
		}
	}
	return out
}

func (r reporter) process(p Process) reportProcess {
	at := "processes." + p.Type + "."
	out := reportProcess{
		Type:                 p.Type,
		Instances:            number(r, at+"instances", p.Instances),
		MemoryMB:             number(r, at+"memory", p.MemoryMB),
		DiskMB:               number(r, at+"disk_quota", p.DiskMB),
		LogRateLimitBPS:      number(r, at+"log_rate_limit_per_second", p.LogRateLimitBPS),
		CPU:                  number(r, at+"cpu", p.CPU),
		HealthCheckType:      r.text(at+"health_check_type", p.HealthCheck.Type),
		HealthCheckEndpoint:  r.text(at+"health_check_http_endpoint", p.HealthCheck.HTTPEndpoint),
		TimeoutS:             number(r, at+"timeout", p.TimeoutS),
		HealthCheckIntervalS: number(r, at+"health_check_interval", p.HealthCheck.IntervalS),
		HealthCheckTimeoutS:  number(r, at+"health_check_invocation_timeout", p.HealthCheck.InvocationTimeoutS),
		ReadinessType:        r.text(at+"readiness_health_check_type", p.ReadinessHealthCheck.Type),
		ReadinessEndpoint:    r.text(at+"readiness_health_check_http_endpoint", p.ReadinessHealthCheck.HTTPEndpoint),
		ReadinessIntervalS:   number(r, at+"readiness_health_check_interval", p.ReadinessHealthCheck.IntervalS),
		ReadinessTimeoutS:    number(r, at+"readiness_health_check_invocation_timeout", p.ReadinessHealthCheck.InvocationTimeoutS),
	}
	if p.Placement != nil {
		out.NodePool, out.Datacenters = p.Placement.NodePool, p.Placement.Datacenters
		for _, c := range p.Placement.Constraints {
			out.Constraints = append(out.Constraints, reportConstraint(c))
		}
	}
	if p.User != nil {
		out.User = r.text(at+"user", *p.User)
	}
	switch {
	case p.Command.Null:
		out.Command = json.RawMessage("null")
	case p.Command.Set:
		out.Command = r.text(at+"command", p.Command.Text)
	}
	return out
}

func (r reporter) sidecars() []reportSidecar {
	out := make([]reportSidecar, len(r.a.Sidecars))
	for i, s := range r.a.Sidecars {
		out[i] = reportSidecar{s.Name, r.text(indexed("sidecars", i)+".command", s.Command), s.ProcessTypes, s.MemoryMB}
		if out[i].ProcessTypes == nil {
			out[i].ProcessTypes = []string{}
		}
	}
	return out
}

func (r reporter) metadata() *reportMetadata {
	m := r.a.Metadata
	if m.Labels == nil && m.Annotations == nil {
		return nil
	}
	return &reportMetadata{r.metadataMap("metadata.labels.", m.Labels), r.metadataMap("metadata.annotations.", m.Annotations)}
}

func (r reporter) metadataMap(path string, values map[string]*string) map[string]any {
	out := make(map[string]any, len(values))
	for k, v := range values {
		switch {
		case v == nil:
			out[k] = nil
		case r.a.Masked[path+k]:
			out[k] = masked
		default:
			out[k] = *v
		}
	}
	return out
}
