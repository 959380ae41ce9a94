package spec

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
)

// TestWords pins Cloud Foundry's words: each snippet is the body of one app
// named a; want is the error ("" = accepted), field its place below the app.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, want, field string }{
		{"memory: ''", "", ""},
		{"memory: ~", "", ""},
		{"memory: 0", `Process "web": Memory must use a supported unit`, "memory"},
		{"memory: -1M", `Process "web": Memory must be greater than 0MB`, "memory"},
		{"memory: lots", `Process "web": Memory is not a number`, "memory"},
		{"memory: [1]", `Memory is not a number`, "memory"},
		{"disk_quota: 2G", "", ""},
		{"disk_quota: 3G", "disk_quota too much disk requested (requested 3072 MB - must be less than 2048 MB)", "disk_quota"},
		{"disk_quota: 1G\n  disk-quota: 1G", "cannot define both `disk_quota` and `disk-quota`", "disk-quota"},
		{"log-rate-limit-per-second: -1", "", ""},
		{"log-rate-limit-per-second: 0", "", ""},
		{"log-rate-limit-per-second: -1B", "", ""},
		{"log-rate-limit-per-second: -2B", "Log rate limit must be an integer greater than or equal to -1", "log-rate-limit-per-second"},
		{"instances: 2000001", "Instances must be less than or equal to 2000000", "instances"},
		{"instances: abc", "Instances is not a number", "instances"},
		{"instances: '3'", "Instances is not a number", "instances"},
		{"instances: 3.5", "", ""},
		{"command: " + strings.Repeat("x", 4096), "", ""},
		{"command: " + strings.Repeat("x", 4097), "Command must be between 1 and 4096 characters", "command"},
		{"command: 5", "Command must be a string", "command"},
		{"timeout: 0", "", ""},
		{"timeout: -1", "Timeout must be greater than or equal to 1", "timeout"},
		{"timeout: soon", "Timeout is not a number", "timeout"},
		{"timeout: 181", "health_check_timeout Maximum exceeded: max 180s", "timeout"},
		{"health-check-type: none", "", ""},
		{"health-check-type: foo", `Health check type must be "port", "process", or "http"`, "health-check-type"},
		{"health-check-type: http", "HTTP health check endpoint is not a valid URI path: ", "health-check-type"},
		{"health-check-type: port\n  health-check-http-endpoint: /x", `Health check type must be "http" to set a health check HTTP endpoint`, "health-check-type"},
		{"health-check-http-endpoint: /x", "", ""},
		{"health-check-http-endpoint: //x", "Health check http endpoint must be a valid URI path", "health-check-http-endpoint"},
		{"health-check-invocation-timeout: 0", "Health check invocation timeout must be greater than or equal to 1", "health-check-invocation-timeout"},
		{"health-check-invocation-timeout: 1.5", "Health check invocation timeout must be an integer", "health-check-invocation-timeout"},
		{"health-check-interval: '5'", "", ""},
		{"readiness-health-check-type: none", `Readiness health check type must be "port", "process", or "http"`, "readiness-health-check-type"},
		{"readiness-health-check-type: http", "HTTP readiness health check endpoint is not a valid URI path: ", "readiness-health-check-type"},
		{"health-check-timeout: 3", "", ""},
		{"buildpacks: x", "Buildpacks must be an array", "buildpacks"},
		{"buildpacks: [1]", "Buildpacks can only contain strings", "buildpacks[0]"},
		{"buildpacks: ['']", "Buildpacks entries must be between 1 and 4096 characters", "buildpacks[0]"},
		{"buildpacks: ~", "", ""},
		{"buildpack: default", "", ""},
		{"buildpack: a\n  buildpacks: [b]", "Buildpack and Buildpacks fields cannot be used together.", "buildpack"},
		{"stack: [a]", "Stack must be a string", "stack"},
		{"stack: 42", "", ""},
		{"lifecycle: foo", "", ""},
		{"docker: x", "Docker must be an object", "docker"},
		{"env: ~", "Env must be an object of keys and values", "env"},
		{"env: {1: a}", "Env key must be a string", "env.1"},
		{"env: {vcap_x: a}", "Env cannot start with VCAP_", "env.vcap_x"},
		{"env: {VMCX: a}", "Env cannot start with VMC_", "env.VMCX"},
		{"env: {port: 1}", "Env cannot set PORT", "env.port"},
		{"routes: ~", "Routes must be a list of route objects", "routes"},
		{"routes: [a.example.com]", "Routes must be a list of route objects", "routes"},
		{"routes: []", "", ""},
		{"routes: [{route: a.example.com, protocol: ftp}]", "Route protocol must be 'http1', 'http2' or 'tcp'.", "routes[0].protocol"},
		{"routes: [{route: 'a.example.com:80', protocol: http2}]", "Cannot use 'http2' protocol for tcp routes; valid options are: [tcp]", "routes[0].protocol"},
		{"routes: [{route: a.example.com, options: ~}]", "Route 'a.example.com': options must be an object", "routes[0].options"},
		{"routes: [{route: a.example.com, options: {loadbalancing: ~}}]", "Invalid value for 'loadbalancing' for Route 'a.example.com'; Valid values are: 'round-robin, least-connection'", "routes[0].options.loadbalancing"},
		{"no-route: yes", "", ""},
		{"no-route: 'true'", "No-route must be a boolean", "no-route"},
		{"random-route: 1", "Random-route must be a boolean", "random-route"},
		{"default-route: x", "Default-route must be a boolean", "default-route"},
		{"random-route: true\n  default-route: true", "Random-route and default-route may not be used together", "default-route"},
		{"processes: {}", "Processes must be an array of process configurations", "processes"},
		{"processes: [{command: x}]", "All Processes must specify a type", "processes[0].type"},
		{"processes: [{type: w, memory: 1}]", `Process "w": Memory must use a supported unit`, "processes[0].memory"},
		{"processes: [{type: w, user: ''}]", `Process "w": User must be between 1 and 255 characters`, "processes[0].user"},
		{"processes: [{type: w, health-check-timeout: 1}]", `Process "w": Unknown field(s): 'health_check_timeout'`, "processes[0].health-check-timeout"},
		{"sidecars: ~", "Sidecars must be an array of sidecar configurations", "sidecars"},
		{"sidecars: [{name: s, command: c, process_types: []}]", `Sidecar "s": Process types must have at least 1 process_type`, "sidecars[0].process_types"},
		{"sidecars: [{name: s, command: c, process_types: [web], memory: 256}]", "", ""},
		{"sidecars: [{name: s, command: c, process_types: [web], memory: 1G}]", `The memory allocation defined is too large to run with the dependent "web" process`, "sidecars[0].memory"},
		{"services: [1]", "Services must be a list of service instances", "services"},
		{"services: [{name: a, binding-name: b}]", "Services must be a list of service instances", "services"},
		{"metadata: {foo: 1}", "Metadata has unexpected field(s): 'foo'", "metadata"},
		{"metadata: {labels: {a: 'x y'}}", "Metadata label value error: 'x y' contains invalid characters", "metadata.labels.a"},
		{"metadata: {labels: {a: ~}}", "", ""},
		{"metadata: {annotations: {a: 'x y'}}", "", ""},
		{"features: {foo: true}", "Features must be a map of valid feature names to booleans (true = enabled, false = disabled)", "features"},
		{"features: {file-based-vcap-services: true, service-binding-k8s: true}", "'file-based-vcap-services' and 'service-binding-k8s' features cannot be enabled at the same time.", "features"},
		{"inherit: x\n  hosts: [a]\n  anything: {b: c}", "", ""},
	} {
		files := fstest.MapFS{"manifest.yml": &fstest.MapFile{Data: []byte("applications:\n- name: a\n  " + c.body + "\n")}}
		_, diags := Load(context.Background(), Options{FS: memFS{files}, Dir: "/p"})
		errs := diags.Errors()
		if c.want == "" {
			if len(errs) > 0 {
				t.Errorf("%s\nis refused: %s", c.body, errs.Error())
			}
			continue
		}
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Summary, "For application 'a': ") || !strings.Contains(errs[0].Summary, c.want) ||
			errs[0].Field != "applications[0]."+c.field {
			t.Errorf("%s\nwant %s in %s, got %+v", c.body, c.want, c.field, errs)
		}
	}
}

// TestDocumentWords does the same for whole manifests.
func TestDocumentWords(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		"":                                      "Manifest must have at least one application.",
		"applications:":                         "Manifest must have at least one application.",
		"applications: []":                      "Manifest must have at least one application.",
		"just text":                             "Manifest must have at least one application.",
		"version: 2\napplications: [{name: a}]": "Unsupported manifest schema version. Currently supported versions: [1].",
		"version: '1'\napplications: [{name: a}]":                               "Unsupported manifest schema version. Currently supported versions: [1].",
		"applications: [{name: a}, {}]":                                         "Found an application with no name specified.",
		"applications: [{name: [a]}]":                                           "For application at index 0: Name must be a string",
		`applications: [{name: "a\tb", no-route: true}]`:                        "Name must have printable characters only",
		"applications: [{name: ' '}]":                                           "For application at index 0: Name must not be empty",
		"applications: [{name: a.b}]":                                           `Host must be either "*" or contain only alphanumeric characters, "_", or "-"`,
		"applications: [{name: " + strings.Repeat("a", 64) + "}]":               "Host cannot exceed 63 characters",
		"applications: [{name: \xff}]":                                          "Invalid UTF-8 encoding in YAML data",
		"version: 1\nx: &x {memory: 1G}\napplications: [{<<: *x, name: a}]":     "",
		"applications: [{name: a.b, no-route: true}, {name: 123}, {name: yes}]": "",
	} {
		files := fstest.MapFS{"manifest.yml": &fstest.MapFile{Data: []byte(doc)}}
		_, diags := Load(context.Background(), Options{FS: memFS{files}, Dir: "/p"})
		errs := diags.Errors()
		if want == "" && len(errs) == 0 {
			continue
		}
		if want == "" || len(errs) != 1 || !strings.Contains(errs[0].Summary, want) {
			t.Errorf("%q\nwant %q, got %+v", doc, want, errs)
		}
	}
}
