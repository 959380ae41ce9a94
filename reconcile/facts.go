package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"wadi/spec"
	"wadi/stage"
	"wadi/stage/lifecycle"
)

// fact is one thing about an app that a plan compares with what was recorded
// when it was last deployed. Value is what is recorded: words, or a keyed
// digest ("#…") for text of the user, which may hold a secret. Shown is what
// people see of it.
type fact struct {
	Name, Value, Shown string
	App                bool // of the app as a whole, not of a process
}

// masks gives every sensitive value a number, the same wherever it appears.
type masks map[string]int

func (m masks) show(value string, sensitive bool) string {
	if !sensitive {
		return fmt.Sprintf("%q", value)
	}
	if _, ok := m[value]; !ok {
		m[value] = len(m) + 1
	}
	return fmt.Sprintf("(sensitive #%d)", m[value])
}

// factsOf lists the facts of an app in the order in which people read them.
// Routes and instance counts are no facts: they are read from the live job.
func factsOf(d desired, p pinned, lifecycleSHA string, salt []byte, result *lifecycle.Result) []fact {
	droplet := afterStaging
	if result != nil {
		droplet = shortDigest(result.Droplet)
	}
	ofApp := func(name, value string) fact { return fact{Name: name, Value: value, Shown: value, App: true} }
	facts := []fact{
		ofApp("source", "package "+shortDigest(p.Package)),
		ofApp("buildpacks", p.describeBuildpacks()),
		ofApp("stack", d.describeStack()),
		ofApp("droplet", droplet),
	}
	facts = slices.Insert(facts, 3, p.stackFacts()...)
	if d.App.Docker != nil {
		facts = []fact{ofApp(imageFact, d.App.Docker.Image), ofApp(digestFact, d.describeDigest())}
		facts = append(facts, ofApp(portsFact, describePorts(d.Image)))
		facts = append(facts, d.Login.facts(salt)...)
		if d.NoRoot {
			facts = append(facts, ofApp(rootFact, "not permitted"))
		}
	}
	m := masks{}
	digests := stage.EnvDigests(salt, d.App.Env)
	for _, key := range slices.Sorted(maps.Keys(d.App.Env)) {
		facts = append(facts, fact{"env." + key, "#" + digests[key], m.show(d.App.Env[key], d.App.Sensitive["env."+key]), true})
	}
	for _, b := range d.Bindings {
		shown := "bound"
		if b.Variable != "" {
			shown = fmt.Sprintf("bound, credentials in the Nomad Variable %s (version %d)", b.Variable, b.Index)
		}
		digest := keyed(salt, mustJSON([]any{b.Entry, b.Variable, b.Index}))[:16]
		facts = append(facts, fact{"service." + b.Name, "#" + digest, shown, true})
	}
	hidden := sensitiveCommands(d.App)
	for _, proc := range d.Processes {
		prefix := proc.Type + "."
		facts = append(facts, plain(prefix+"memory", megabytes(*proc.MemoryMB)), plain(prefix+"disk", megabytes(*proc.DiskMB)))
		if proc.CPU != nil {
			facts = append(facts, plain(prefix+"cpu", fmt.Sprintf("%d MHz", *proc.CPU)))
		}
		if d.App.Docker != nil && proc.User != nil {
			facts = append(facts, plain(prefix+"user", *proc.User))
		}
		if proc.Command.Text != "" {
			text := proc.Command.Text
			facts = append(facts, fact{prefix + "command", "#" + keyed(salt, []byte(text))[:16],
				m.show(text, hidden), false})
		}
		for _, s := range sidecarsOf(d.App, proc.Type) {
			facts = append(facts, fact{prefix + "sidecar " + s.Name, "#" + keyed(salt, mustJSON(s))[:16], m.show(s.Command, hidden), false})
		}
		facts = append(facts,
			plain(prefix+"health check", describeCheck(proc.HealthCheck.Type, proc.HealthCheck.HTTPEndpoint, *proc.HealthCheck.IntervalS, *proc.HealthCheck.InvocationTimeoutS)+
				fmt.Sprintf(", start within %ds", *proc.TimeoutS)),
			plain(prefix+"readiness check", describeCheck(proc.ReadinessHealthCheck.Type, proc.ReadinessHealthCheck.HTTPEndpoint, *proc.ReadinessHealthCheck.IntervalS, *proc.ReadinessHealthCheck.InvocationTimeoutS)))
	}
	return append(facts, plain("lifecycle", shortDigest(lifecycleSHA)))
}

// sensitiveCommands says whether any command came through a variable: then
// none is shown, whichever process it belongs to.
func sensitiveCommands(app spec.App) bool {
	for path := range app.Sensitive {
		if path == "command" || strings.HasSuffix(path, ".command") {
			return true
		}
	}
	return false
}

func plain(name, value string) fact { return fact{Name: name, Value: value, Shown: value} }

func describeCheck(kind, endpoint string, interval, invocation int) string {
	if kind == "none" || kind == "process" {
		return "process"
	}
	if endpoint != "" {
		kind += " " + endpoint
	}
	return fmt.Sprintf("%s every %ds, timeout %ds", kind, interval, invocation)
}

// recordable is what of the facts goes into the record: env has digests of
// its own there, and ports stand in the image's metadata.
func recordable(facts []fact) map[string]string {
	out := map[string]string{}
	for _, f := range facts {
		if !strings.HasPrefix(f.Name, "env.") && f.Name != portsFact {
			out[f.Name] = f.Value
		}
	}
	return out
}

func megabytes(mb int) string {
	if mb >= 1024 && mb%1024 == 0 {
		return fmt.Sprintf("%dG", mb/1024)
	}
	return fmt.Sprintf("%dM", mb)
}

func shortDigest(hex string) string {
	if len(hex) > 12 {
		return hex[:12]
	}
	return hex
}
