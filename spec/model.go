package spec

// Document is the desired state that a set of files describes: what the
// files request and nothing else. Defaults are applied by whoever acts on it.
type Document struct {
	// Project scopes removal. ProjectNamed is false where the files name none.
	Project      string
	ProjectNamed bool

	// Apps are in file order. Partial is set where --app selects some: then an
	// app that is not here need not have left the files.
	Apps    []App
	Partial bool

	// Stacks, Buildpacks and ServiceInstances are declared in HCL only, by name.
	Stacks           map[string]Stack
	Buildpacks       map[string]Buildpack
	ServiceInstances map[string]ServiceInstance

	// Files are the absolute paths of everything that was read (manifests,
	// HCL, variable files): none of it ever goes into a package.
	Files []string
}

// App is one application as requested.
type App struct {
	Name string
	// Path is the absolute path of the source (folder, or archive); empty
	// for an app of a Docker image. Where the file says nothing it is the
	// folder of the file (cf takes the working directory of the cf process
	// instead, which makes the same manifest mean different things).
	Path string
	// PathWritten is the path as the file has it; "" = not said.
	PathWritten string
	Stack       string // "" = default stack
	Lifecycle   string // "buildpack", "docker", "cnb"; "" = not said
	Docker      *Docker

	// Buildpacks are names, URLs, or folders and archives (absolute where they
	// were written as a relative path in HCL). Empty = detect.
	Buildpacks []string

	Env       map[string]string
	RouteMode RouteMode
	Routes    []Route
	Services  []Service
	Processes []Process // web first, then in file order
	Sidecars  []Sidecar
	Metadata  Metadata
	Features  map[string]bool
	Deploy    Deploy

	// Sensitive names the values that came from a ((var)) or a sensitive
	// variable, by their path inside the app ("env.DB_PASSWORD",
	// "processes.web.command"). Plans show a mask in their place.
	Sensitive map[string]bool
	// Masked is the part of Sensitive that came from HCL variables declared
	// sensitive: no output shows these values, ReportJSON included.
	Masked map[string]bool

	// Field is the app's place in its file, "applications[0]" or "app.shop".
	Field string
	// Pos is where the app starts. FieldPos has the positions of its
	// fields, by the field names of the diagnostics below the app
	// ("memory", "routes[0].route").
	Pos      Pos
	FieldPos map[string]Pos
}

// Docker names an image and who pulls it.
type Docker struct {
	Image    string
	Username string
	Password string // "" = not in the files
	// LoginVariable is the path of a Nomad Variable with both; "" = none.
	LoginVariable string
}

// RouteMode says where an app's routes come from.
type RouteMode string

const (
	RoutesUnset    RouteMode = ""         // nothing said: wadi gives the default route, as cf push does
	RoutesExplicit RouteMode = "explicit" // the key `routes` is present, even empty
	RoutesNone     RouteMode = "none"     // no-route
	RoutesRandom   RouteMode = "random"   // random-route
	RoutesDefault  RouteMode = "default"  // default-route
)

// Route is one requested route. Route is the text as written without a
// scheme, Written is the text with it; Host to Protocol are its parts.
type Route struct {
	Route    string
	Written  string
	Host     string // the whole host name, "shop.example.com" or "*.example.com"
	Port     int    // 0 = none
	Path     string // "" or "/…"
	Protocol string // "http1", "http2", "tcp"; "" = not said
	Options  map[string]string
	Pos      Pos
}

// Service is a requested binding.
type Service struct {
	Name        string
	BindingName string
	Parameters  map[string]any
}

// Process is one process type. Nil means: the files say nothing.
type Process struct {
	Type                 string
	Instances            *int
	MemoryMB             *int
	DiskMB               *int
	LogRateLimitBPS      *int64
	Command              Command
	User                 *string
	TimeoutS             *int
	HealthCheck          HealthCheck
	ReadinessHealthCheck HealthCheck
	CPU                  *int // MHz; HCL only
	// Placement narrows that of the stack (HCL only). Nil = not said.
	Placement *Placement
}

// Placement says on which of Nomad's nodes something runs; what is empty is
// not said.
type Placement struct {
	NodePool    string
	Datacenters []string // "*" in a name stands for anything
	Constraints []Constraint
}

// Constraint is a rule about nodes in Nomad's terms. Operator is one that
// Nomad knows, without its synonyms.
type Constraint struct {
	Attribute string // "attr.cpu.arch"; "" with distinct_hosts
	Operator  string
	Value     string
}

// Command is a start command. Set && Null is an explicit reset to the
// droplet's own.
type Command struct {
	Set  bool
	Null bool
	Text string
}

// HealthCheck is a health check as requested. Type is "port", "process",
// "http" or "" (not said); endpoints and seconds likewise.
type HealthCheck struct {
	Type               string
	HTTPEndpoint       string
	IntervalS          *int
	InvocationTimeoutS *int
}

// Sidecar is a helper process that shares an instance with its processes.
type Sidecar struct {
	Name         string
	Command      string
	ProcessTypes []string
	MemoryMB     *int
}

// Metadata holds labels and annotations. A nil value deletes the key.
type Metadata struct {
	Labels      map[string]*string
	Annotations map[string]*string
}

// Deploy says how a new version takes over.
type Deploy struct {
	Strategy    string // "" or "rolling"
	MaxInFlight *int
}

// Stack says where apps run (HCL block `stack`).
type Stack struct {
	Name   string
	Driver string // "raw_exec", "docker"
	Image  string
	Placement
	Priority *int // of the jobs, against those of others
	Pos      Pos
}

// Buildpack is a named buildpack (HCL block `buildpack`).
type Buildpack struct {
	Name     string
	Source   string // a URL, or the absolute path of a folder or archive
	SHA256   string // of an archive; "" = not said
	Position int    // in the order of detection, from 1; 0 = not said
	Stack    string // "" = all
	Disabled bool
	// Sensitive: Source came out of a sensitive variable.
	Sensitive bool
	Pos       Pos
}

// ServiceInstance is a user-provided service instance (HCL block
// `service_instance`). Credentials hold JSON values.
type ServiceInstance struct {
	Name        string
	Label       string // "" = user-provided
	Plan        string
	Credentials map[string]any
	// CredentialsVariable is the path of a Nomad Variable whose items are the
	// credentials, in place of Credentials. Only tasks read it.
	CredentialsVariable string
	Tags                []string
	SyslogDrainURL      string
	RouteServiceURL     string
	// Sensitive is set where a credential came from a sensitive variable.
	Sensitive bool
	Pos       Pos
}

// Pos is a position in a file; Line and Column count from 1, columns in
// bytes. The zero Pos is "not known".
type Pos struct {
	File   string // absolute
	Line   int
	Column int

	source *source // for Diagnostic; nil = no line to show
	width  int
}

// Diagnostic is a diagnostic about what stands at the position.
func (p Pos) Diagnostic(severity Severity, field, summary, detail string) Diagnostic {
	d := Diagnostic{Severity: severity, Summary: summary, Detail: detail,
		File: p.File, Line: p.Line, Column: p.Column, Field: field, Width: p.width}
	if p.source != nil {
		d.SourceLine = p.source.shown(p.Line)
	}
	return d
}
