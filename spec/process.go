package spec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// processKeys are the keys that configure a process: at the app's level they
// mean web.
var processKeys = names(processTable)

const (
	maxInstances = 2_000_000
	maxPriority  = 32_766 // what a Nomad may be set to allow; by itself it is 100
	// Limits of a Cloud Foundry with its default configuration (capi-release
	// maximum_health_check_timeout, maximum_app_disk_in_mb); manifests keep
	// to them, HCL has none.
	cfMaxTimeoutS = 180
	cfMaxDiskMB   = 2048
)

// processes reads `processes` and the keys of web at the app's level. As
// soon as `processes` has a web, the app's own keys count for nothing.
func (d *appDecoder) processes(f fields) {
	var web *Process
	var others []Process
	listed := d.processList(f["processes"])
	for _, n := range listed {
		pf := d.fields(n)
		typ := pf["type"].text()
		p := d.process(pf, n, typ)
		if typ == WebProcess {
			web = &p
		} else {
			others = append(others, p)
		}
	}
	if web != nil {
		d.overruled(f)
	} else if p := d.process(f, d.root, WebProcess); p != (Process{Type: WebProcess}) {
		web = &p
	}
	if web != nil {
		d.app.Processes = append(d.app.Processes, *web)
	}
	d.app.Processes = append(d.app.Processes, others...)
}

// overruled tells of keys at the app's level that a process "web" displaces.
// What they say must still be of the right type: the CLI decodes them and the
// Cloud Controller looks at the sizes all the same.
func (d *appDecoder) overruled(f fields) {
	known := appLevelKeys()
	for _, key := range processKeys {
		n := f[key]
		switch {
		case n == nil:
		case d.hcl:
			d.err(n, fmt.Sprintf("%s stands beside process \"web\", which it would configure", key), "Move it into the block process \"web\".")
		case !slices.Contains(known, key): // told of as an unknown key
		case d.overruledProblem(key, n) != "":
			d.err(n, fmt.Sprintf("Process %q: %s", WebProcess, d.overruledProblem(key, n)), "Remove it: the process of type web counts, not this.")
		default:
			d.warn(n, fmt.Sprintf("%s is ignored: `processes` has a web process", key), "Move it to the process of type web.")
		}
	}
}

func (d *appDecoder) overruledProblem(key string, n *node) string {
	switch key {
	case "memory":
		return sizeProblem(n, "Memory")
	case "disk_quota":
		return sizeProblem(n, "Disk quota")
	case "log_rate_limit_per_second":
		if text := strings.TrimSpace(n.text()); text != "0" && text != "-1" {
			return sizeProblem(n, "Log rate limit per second")
		}
	case "instances", "timeout":
		if _, problem := wholeNumber(n, true); n.kind != kindNull && problem != "" {
			return map[string]string{"instances": "Instances ", "timeout": "Timeout "}[key] + problem
		}
	case "health_check_type", "health_check_http_endpoint":
		if n.kind == kindList || n.kind == kindMap {
			return strings.ReplaceAll(key, "_", "-") + " must be a string"
		}
	}
	return ""
}

// sizeProblem says what is wrong with a size as text; "" and null are none.
func sizeProblem(n *node, label string) string {
	if n.kind == kindNull || n.kind == kindString && strings.TrimSpace(n.str) == "" {
		return ""
	}
	if _, err := ParseSize(n.text()); err != nil {
		return label + " " + err.Error()
	}
	return ""
}

// processList checks the list itself and answers its usable elements: maps
// with a type, the first of each.
func (d *appDecoder) processList(n *node) []*node {
	if n == nil || n.kind == kindNull {
		return nil
	}
	if n.kind != kindList {
		d.err(n, "Processes must be an array of process configurations", "Write a list: `- type: web`.")
		return nil
	}
	var out []*node
	seen, told, untyped := map[string]bool{}, map[string]bool{}, false
	for _, p := range n.items {
		if p.kind != kindMap && p.kind != kindNull {
			d.err(p, "Processes must be an array of process configurations", "Write a list of maps: `- type: web`.")
			continue
		}
		typ := p.get("type")
		if typ == nil || typ.kind == kindList || typ.kind == kindMap || strings.TrimSpace(typ.text()) == "" {
			if !untyped {
				d.err(orMissing(typ, p, "type"), "All Processes must specify a type", "Give every process its `type`, such as web or worker.")
			}
			untyped = true
			continue
		}
		if seen[typ.text()] {
			if !told[typ.text()] {
				d.err(typ, fmt.Sprintf("Process %q may only be present once", typ.text()), "Merge the two.")
			}
			told[typ.text()] = true
			continue
		}
		seen[typ.text()] = true
		out = append(out, p)
	}
	return out
}

// process reads the keys of one process.
func (d *appDecoder) process(f fields, place *node, typ string) Process {
	outer := d.prefix
	d.prefix += fmt.Sprintf("Process %q: ", typ)
	defer func() { d.prefix = outer }()
	path := "processes." + typ + "."

	p := Process{Type: typ}
	p.Instances = d.number(f["instances"], path+"instances", numberOf(processTable, "instances", "Instances"))
	p.MemoryMB = d.megabytes(f["memory"], path+"memory", "Memory")
	p.DiskMB = d.megabytes(f["disk_quota"], path+"disk_quota", "Disk quota")
	if p.DiskMB != nil && *p.DiskMB > cfMaxDiskMB && !d.hcl {
		d.err(f["disk_quota"], fmt.Sprintf("disk_quota too much disk requested (requested %d MB - must be less than %d MB)", *p.DiskMB, cfMaxDiskMB),
			"Cloud Foundry's limit holds for manifests; an app described in HCL may ask for more.")
	}
	p.LogRateLimitBPS = d.logRate(f["log_rate_limit_per_second"], path+"log_rate_limit_per_second")
	p.Command = d.command(f["command"], path+"command")
	if d.hcl || place != d.root {
		p.User = d.user(f["user"], path+"user")
	}
	if d.hcl {
		p.CPU = d.number(f["cpu"], path+"cpu", numberOf(processTable, "cpu", "Cpu"))
		p.Placement = d.placement(f)
	}
	p.TimeoutS = d.timeout(f["timeout"], path+"timeout")
	p.HealthCheck = d.healthCheck(f, path, "")
	p.ReadinessHealthCheck = d.healthCheck(f, path, "readiness_")
	if n := f["health_check_timeout"]; n != nil && place != d.root {
		d.err(n, "Unknown field(s): 'health_check_timeout'", "Its name in a process is `timeout`.")
	}
	return p
}

// placement reads where a process runs, nil if that is not said.
func (d *appDecoder) placement(f fields) *Placement {
	place := placementReader{get: func(key string) *node { return f[key] }, fail: d.err}.read()
	if place.NodePool == "" && place.Datacenters == nil && place.Constraints == nil {
		return nil
	}
	return &place
}

// numberRule says what a whole number must be. Cli marks keys that cf's CLI
// decodes itself: fractions are cut off and quoted numbers refused, where
// the Cloud Controller does the opposite.
type numberRule struct {
	label    string
	min, max int64 // max 0 = what an int32 holds
	cli      bool
}

func (d *appDecoder) number(n *node, path string, rule numberRule) *int {
	if n == nil || n.kind == kindNull {
		return nil
	}
	d.hide(path, n)
	value, problem := wholeNumber(n, rule.cli || d.hcl)
	if d.hcl && n.kind == kindFloat && n.f != math.Trunc(n.f) {
		problem = "must be an integer"
	}
	if rule.max == 0 {
		rule.max = math.MaxInt32
	}
	fix := "Write a whole number without quotes."
	if d.hcl && n.kind == kindString {
		fix = "Write a whole number without quotes; of a variable, declare type = number."
	}
	switch {
	case problem != "":
	case value < rule.min:
		problem = fmt.Sprintf("must be greater than or equal to %d", rule.min)
	case value > rule.max:
		problem = fmt.Sprintf("must be less than or equal to %d", rule.max)
	default:
		i := int(value)
		return &i
	}
	d.err(n, rule.label+" "+problem, fix)
	return nil
}

func wholeNumber(n *node, cli bool) (value int64, problem string) {
	switch n.kind {
	case kindInt:
		return n.i, ""
	case kindFloat:
		if math.IsNaN(n.f) || math.Abs(n.f) >= math.MaxInt64 {
			return 0, "is not a number"
		}
		if !cli && n.f != math.Trunc(n.f) {
			return 0, "must be an integer"
		}
		return int64(n.f), ""
	case kindString:
		if i, err := strconv.ParseInt(strings.TrimSpace(n.str), 10, 64); err == nil && !cli {
			return i, ""
		}
	}
	return 0, "is not a number"
}

// timeout reads the startup timeout; the CLI drops a 0.
func (d *appDecoder) timeout(n *node, path string) *int {
	if n != nil && !d.hcl && (n.kind == kindInt && n.i == 0 || n.kind == kindFloat && math.Trunc(n.f) == 0) {
		return nil
	}
	t := d.number(n, path, numberOf(processTable, "timeout", "Timeout"))
	if t != nil && *t > cfMaxTimeoutS && !d.hcl {
		d.err(n, fmt.Sprintf("health_check_timeout Maximum exceeded: max %ds", cfMaxTimeoutS),
			"Write at most 180; an app described in HCL may take longer to start.")
		return nil
	}
	return t
}

// megabytes reads a size; "" and null count as not given, as in the CLI.
func (d *appDecoder) megabytes(n *node, path, label string) *int {
	if n == nil || n.kind == kindNull || n.kind == kindString && strings.TrimSpace(n.str) == "" {
		return nil
	}
	d.hide(path, n)
	bytes, err := ParseSize(n.text())
	if err != nil {
		d.err(n, label+" "+err.Error(), sizeFix(n))
		return nil
	}
	mb := int(bytes / (1 << 20))
	if mb <= 0 {
		d.err(n, label+" must be greater than 0MB", "Sizes are cut to whole megabytes: write at least 1M.")
		return nil
	}
	return &mb
}

func sizeFix(n *node) string {
	text := strings.TrimSpace(n.text())
	if strings.Contains(text, "(( ") || strings.Contains(text, "${") {
		return "Variables are written ((name)), without blanks inside."
	}
	if joined := strings.ReplaceAll(text, " ", ""); joined != text {
		if _, err := ParseSize(joined); err == nil {
			return fmt.Sprintf("Write it without a blank: %s.", joined)
		}
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return fmt.Sprintf("Write the unit: %sM for megabytes, %sG for gigabytes.", text, text)
	}
	return `Write a number and a unit, such as 256M or 1.5G.`
}

// logRate reads bytes a second; -1 (no limit) and 0 need no unit.
func (d *appDecoder) logRate(n *node, path string) *int64 {
	if n == nil || n.kind == kindNull || n.kind == kindString && strings.TrimSpace(n.str) == "" {
		return nil
	}
	d.hide(path, n)
	text := strings.TrimSpace(n.text())
	var bytes int64
	switch text {
	case "-1":
		bytes = -1
	case "0":
	default:
		var err error
		if bytes, err = ParseSize(text); err != nil {
			d.err(n, "Log rate limit per second "+err.Error(), sizeFix(n))
			return nil
		}
	}
	if bytes < -1 {
		d.err(n, "Log rate limit must be an integer greater than or equal to -1", "Write -1 for no limit.")
		return nil
	}
	return &bytes
}

func (d *appDecoder) command(n *node, path string) Command {
	if n == nil {
		return Command{}
	}
	if n.kind == kindNull || n.kind == kindString && (n.str == "null" || n.str == "default") {
		return Command{Set: true, Null: true}
	}
	if n.kind != kindString {
		d.err(n, "Command must be a string", "Quote the command.")
		return Command{}
	}
	if length := len([]rune(n.str)); length < 1 || length > maxCommand {
		d.err(n, "Command must be between 1 and 4096 characters", "Remove the key to use the droplet's own command, or put a long command in a script.")
		return Command{}
	}
	d.hide(path, n)
	return Command{Set: true, Text: n.str}
}

func (d *appDecoder) user(n *node, path string) *string {
	if n == nil || n.kind == kindNull {
		return nil
	}
	if n.kind != kindString {
		d.err(n, "User must be a string", "Quote the user's name.")
		return nil
	}
	if length := len([]rune(n.str)); length < 1 || length > maxUser {
		d.err(n, "User must be between 1 and 255 characters", "Write vcap, or remove the key.")
		return nil
	}
	d.hide(path, n)
	return &n.str
}
