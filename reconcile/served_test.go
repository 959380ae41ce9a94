package reconcile

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wadi/spec"
)

// servedCase is one key of docs/reference.md in HCL: a use that plan takes,
// and one that it refuses; "" where there is none.
type servedCase struct{ served, refused string }

func app(body string) string { return "app \"a\" {\n" + body + "\n}\n" }

func docker(body string) string { return "app \"a\" {\n docker {\n" + body + "\n}\n}\n" }

func check(kind, body string) string { return app(kind + " {\n" + body + "\n}") }

// servedCases are by section and key.
var servedCases = map[string]map[string]servedCase{
	"An app": {
		"name":            {served: app(`name = "b"`)},
		"for_each":        {served: app(`for_each = { x = 1 }`)},
		"path":            {served: app(`path = "."`)},
		"stack":           {served: app(`stack = "host"`)},
		"lifecycle":       {app(`lifecycle = "buildpack"`), app(`lifecycle = "cnb"`)},
		"cnb-credentials": {served: app(`cnb_credentials = { "r.example.com" = { username = "u", password = "p" } }`)},
		"env":             {served: app(`env = { A = "b" }`)},
		"routes":          {served: app(`routes = ["a.example.com"]`)},
		"no-route":        {served: app(`no_route = true`)},
		"random-route":    {refused: app(`random_route = true`)},
		"default-route":   {served: app(`default_route = true`)},
		"services":        {served: app(`services = ["db"]`) + `service_instance "db" {}`},
		"metadata":        {refused: app(`metadata = { labels = { a = "b" } }`)},
		"features":        {served: app(`features = { revisions = true }`)},
		"processes":       {served: app("process \"worker\" {\n}")},
		"sidecars":        {served: app("sidecar \"s\" {\n command = \"c\"\n process_types = [\"web\"]\n}")},
		"deploy { }":      {served: app("deploy {\n}")},
		"docker":          {served: docker(`image = "a"`)},
	},
	"A process": {
		"instances":                            {served: app(`instances = 2`)},
		"memory":                               {served: app(`memory = "64M"`)},
		"disk_quota":                           {served: app(`disk_quota = "64M"`)},
		"log-rate-limit-per-second":            {app(`log_rate_limit_per_second = -1`), app(`log_rate_limit_per_second = "1K"`)},
		"command":                              {served: app(`command = "c"`)},
		"user":                                 {app(`user = "vcap"`), app(`user = "root"`)},
		"cpu":                                  {served: app(`cpu = 100`)},
		"node_pool":                            {served: app(`node_pool = "p"`)},
		"datacenters":                          {served: app(`datacenters = ["dc1"]`)},
		"constraint { }":                       {served: app("constraint {\n attribute = \"meta.a\"\n value = 1\n}")},
		"health-check-type":                    {served: check("health_check", `type = "process"`)},
		"health-check-http-endpoint":           {served: check("health_check", "type = \"http\"\nendpoint = \"/\"")},
		"health-check-interval":                {served: check("health_check", `interval = 5`)},
		"health-check-invocation-timeout":      {served: check("health_check", `invocation_timeout = 5`)},
		"timeout":                              {served: check("health_check", `startup_timeout = "5m"`)},
		"readiness-health-check-type":          {served: check("readiness_health_check", `type = "port"`)},
		"readiness-health-check-http-endpoint": {served: check("readiness_health_check", "type = \"http\"\nendpoint = \"/\"")},
		"readiness-health-check-interval":      {served: check("readiness_health_check", `interval = 5`)},
		"readiness-health-check-invocation-timeout": {served: check("readiness_health_check", `invocation_timeout = 5`)},
	},
	"A route": {
		"route":    {app(`routes = ["a.example.com/x"]`), app(`routes = ["a.example.com:1025"]`)},
		"protocol": {app(`routes = [{ route = "a.example.com", protocol = "http1" }]`), app(`routes = [{ route = "a.example.com", protocol = "http2" }]`)},
		"options":  {refused: app(`routes = [{ route = "a.example.com", options = { loadbalancing = "round-robin" } }]`)},
	},
	"Options of a route": {
		"loadbalancing": {refused: app(`routes = [{ route = "a.example.com", options = { loadbalancing = "least-connection" } }]`)},
	},
	"A binding": {
		"name":         {served: app(`services = [{ name = "db" }]`) + `service_instance "db" {}`},
		"binding_name": {served: app(`services = [{ name = "db", binding_name = "b" }]`) + `service_instance "db" {}`},
		"parameters":   {refused: app(`services = [{ name = "db", parameters = { a = "b" } }]`) + `service_instance "db" {}`},
	},
	"Features": {
		"ssh":                      {app(`features = { ssh = false }`), app(`features = { ssh = true }`)},
		"revisions":                {served: app(`features = { revisions = true }`)},
		"service-binding-k8s":      {served: app(`features = { service-binding-k8s = true }`)},
		"file-based-vcap-services": {served: app(`features = { file-based-vcap-services = true }`)},
	},
	"Deployments": {
		"strategy":      {served: app("deploy {\n strategy = \"rolling\"\n}")},
		"max_in_flight": {served: app("deploy {\n max_in_flight = 2\n}")},
	},
	"Stacks": {
		"driver":         {served: app(`stack = "s"`) + "stack \"s\" {\n driver = \"docker\"\n image = \"i\"\n}"},
		"node_pool":      {served: app(`stack = "s"`) + "stack \"s\" {\n driver = \"raw_exec\"\n node_pool = \"p\"\n}"},
		"datacenters":    {served: app(`stack = "s"`) + "stack \"s\" {\n driver = \"raw_exec\"\n datacenters = [\"a\"]\n}"},
		"constraint { }": {served: app(`stack = "s"`) + "stack \"s\" {\n driver = \"raw_exec\"\n constraint {\n operator = \"distinct_hosts\"\n }\n}"},
		"priority":       {served: app(`stack = "s"`) + "stack \"s\" {\n driver = \"raw_exec\"\n priority = 70\n}"},
		"image":          {served: app(`stack = "s"`) + "stack \"s\" {\n driver = \"docker\"\n image = \"i\"\n}"},
	},
	"Service instances": {
		"credentials":          {served: app(`services = ["db"]`) + "service_instance \"db\" {\n credentials = { a = 1 }\n}"},
		"credentials_variable": {served: app(`services = ["db"]`) + "service_instance \"db\" {\n credentials_variable = \"a/b\"\n}"},
		"tags":                 {served: app(`services = ["db"]`) + "service_instance \"db\" {\n tags = [\"a\"]\n}"},
		"label":                {served: app(`services = ["db"]`) + "service_instance \"db\" {\n label = \"a\"\n}"},
		"plan":                 {served: app(`services = ["db"]`) + "service_instance \"db\" {\n plan = \"a\"\n}"},
		"syslog_drain_url":     {served: app(`services = ["db"]`) + "service_instance \"db\" {\n syslog_drain_url = \"a\"\n}"},
		"route_service_url":    {refused: app(`services = ["db"]`) + "service_instance \"db\" {\n route_service_url = \"a\"\n}"},
	},
}

// elsewhere are keys whose refusal is not plan's alone to say, or that HCL has
// in another form.
var elsewhere = map[string]bool{
	"An app/buildpacks": true, // stage
	"An app/buildpack":  true, // manifests only
	"A process/type":    true, // a label
}

var firstCell = regexp.MustCompile("^\\| (?:– \\| )?`([^`]+)`")

// TestReferenceSaysWhatIsServed holds the words "not served yet" of the
// reference page to what plan does.
func TestReferenceSaysWhatIsServed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(page), "\n## ")[1:] {
		section, rows, _ := strings.Cut(part, "\n")
		cases, ok := servedCases[section]
		if !ok {
			continue
		}
		seen := map[string]bool{}
		for _, row := range strings.Split(rows, "\n") {
			key := firstCell.FindStringSubmatch(row)
			if key == nil || elsewhere[section+"/"+key[1]] {
				continue
			}
			c, ok := cases[key[1]]
			if !ok {
				t.Errorf("%s: no case for `%s`", section, key[1])
			}
			if says := strings.Contains(row, "Not served yet"); says != (c.refused != "") {
				t.Errorf("%s, `%s`: the page says refused = %v, the case %v: correct `unserved` in spec's table of keys, or the case", section, key[1], says, c.refused != "")
			}
			if problem := refusal(t, c.served); problem != "" && c.served != "" {
				t.Errorf("%s, `%s`: plan refuses\n%s%s", section, key[1], c.served, problem)
			}
			if c.refused != "" && refusal(t, c.refused) == "" {
				t.Errorf("%s, `%s`: plan takes\n%s", section, key[1], c.refused)
			}
			seen[key[1]] = true
		}
		for key := range cases {
			if !seen[key] {
				t.Errorf("%s: the page has no `%s`", section, key)
			}
		}
	}
}

// refusal is what plan has against files, before it asks anybody.
func refusal(t *testing.T, hcl string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "wadi.hcl"), []byte(hcl), 0o644); err != nil {
		t.Fatal(err)
	}
	doc, diags := spec.Load(t.Context(), spec.Options{FS: spec.OSFS(), Dir: dir})
	if diags.HasErrors() {
		t.Fatalf("%s\n%v", hcl, diags)
	}
	if _, _, err := testReconciler().desire(doc, "global"); err != nil {
		return err.Error()
	}
	return ""
}
