package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// hints answer habits of Nomad, Terraform and Cloud Foundry in the wrong
// place, by the word.
var hints = map[string]string{
	"env":                `Environment variables are an attribute: env = { NAME = "value" }.`,
	"environment":        `Environment variables are an attribute: env = { NAME = "value" }.`,
	"service":            `Bindings are an attribute: services = ["name"]; wadi registers the app with Nomad itself.`,
	"services":           `Bindings are an attribute: services = ["name"].`,
	"route":              `Routes are an attribute: routes = ["app.example.com"].`,
	"routes":             `Routes are an attribute: routes = ["app.example.com"].`,
	"metadata":           `Metadata is an attribute: metadata = { labels = { team = "a" } }.`,
	"features":           `Features are an attribute: features = { ssh = true }.`,
	"job":                `wadi makes the Nomad job: describe the app with app "name" { … }; "wadi render" shows the job.`,
	"group":              `Nomad's groups are processes here: process "web" { … } inside an app.`,
	"task":               `Nomad's tasks are processes and sidecars here: process "web" { … } or sidecar "name" { … } inside an app.`,
	"update":             `Deployments are described by deploy { strategy = "rolling" max_in_flight = 1 }.`,
	"resources":          `Memory and cpu are attributes of a process: memory = "256M".`,
	"resource":           `This is Terraform's word: apps are described with app "name" { … }.`,
	"check":              `Health checks are health_check { type = "http" endpoint = "/" } in a process.`,
	"network":            `wadi gives web processes their port; routes = ["app.example.com"] leads to it.`,
	"port":               `wadi gives web processes their port in $PORT.`,
	"template":           `Configuration comes through env and services; a template has no place here.`,
	"artifact":           `The app's source is its path; buildpacks and images are fetched by wadi.`,
	"config":             `Write the settings themselves: docker { image = "…" } or process "web" { command = "…" }.`,
	"driver":             `The driver belongs to a stack: stack "name" { driver = "docker" }.`,
	"constraint":         `It is a block of a stack or a process: constraint { attribute = "attr.cpu.arch" value = "amd64" }.`,
	"restart":            `wadi restarts as Cloud Foundry does; there is nothing to set.`,
	"reschedule":         `wadi restarts as Cloud Foundry does; there is nothing to set.`,
	"meta":               `Labels are metadata = { labels = { … } }.`,
	"volume":             `Volumes are not supported; bind a service instead.`,
	"variables":          `Declare each one: variable "name" { … }.`,
	"local":              `Write locals { name = value }.`,
	"output":             `wadi has no outputs; "wadi status --json" tells what runs.`,
	"provider":           `wadi needs no providers; NOMAD_ADDR says where Nomad is.`,
	"terraform":          `This is a file of wadi; put Terraform's into files of its own.`,
	"module":             `Give several folders to one command instead: wadi plan a b.`,
	"depends_on":         `Apps start in parallel and may start in any order; refer to another app as app.name.`,
	"dynamic":            `There are no dynamic blocks: an app may have for_each, lists are built with [for … : …].`,
	"moved":              `An app is what its name says: a new name is a new app.`,
	"removed":            `An app that left the files is stopped: remove its block.`,
	"import":             `"wadi apply --adopt" takes over a job of an app's name.`,
	"provisioner":        `What runs once is a task: wadi task NAME -- 'command'.`,
	"backend":            `wadi keeps no state file: the state is in Nomad.`,
	"required_providers": `wadi needs no providers; NOMAD_ADDR says where Nomad is.`,
	"data":               `wadi has no data sources; use variables.`,
	"project":            `It is an attribute: project = "name".`,
	"build":              `wadi builds with buildpacks = ["name"], or detects them.`,
	"release":            `A new version takes the routes over by itself, as deploy { strategy = "rolling" } says.`,
	"registry":           `Images and droplets need no registry block: wadi keeps droplets in its blob store.`,
	"use":                `wadi has no plugins: write the attributes of the block itself.`,
	"runner":             `wadi runs where you run it, and stages in Nomad; a stack says on which nodes.`,
	"pipeline":           `One command does it all: wadi apply.`,
	"hook":               `What runs once is a task: wadi task NAME -- 'command'.`,
	"url":                `Routes are an attribute: routes = ["app.example.com"].`,
	"labels":             `Labels are metadata = { labels = { … } }.`,
	"annotations":        `Annotations are metadata = { annotations = { … } }.`,
	"priority":           `It is an attribute of a stack, for all apps that run there.`,
	"datacenters":        `It is an attribute of a stack or a process: datacenters = ["dc1"].`,
	"node_pool":          `It is an attribute of a stack or a process: node_pool = "name".`,
	"affinity":           `Only rules are supported: constraint { attribute = "node.class" value = "big" } in a stack or a process.`,
	"spread":             `Only rules are supported: constraint { operator = "distinct_hosts" } in a stack or a process.`,
	"distinct_hosts":     `Write constraint { operator = "distinct_hosts" }.`,
	"distinct_property":  `Write constraint { operator = "distinct_property" attribute = "meta.rack" }.`,
	"namespace":          `The space is no part of the files: --space, or NOMAD_NAMESPACE.`,
	"space":              `The space is no part of the files: --space, or NOMAD_NAMESPACE.`,
	"region":             `The region is no part of the files: NOMAD_REGION.`,
	"type":               `Apps are services; what runs once is a task: wadi task NAME -- 'command'.`,
	"periodic":           `wadi runs no jobs by the clock.`,
	"parameterized":      `What runs on demand is a task: wadi task NAME -- 'command'.`,
	"scaling":            `Leave instances out of the file, and wadi keeps the number that an autoscaler sets.`,
	"vault":              `Secrets come through service instances: credentials_variable, or a sensitive variable.`,
	"secret":             `Secrets come through service instances: credentials_variable, or a sensitive variable.`,
	"connect":            `There is no mesh: routes = ["app.example.com"] leads to the app.`,
	"logs":               `wadi keeps the logs as Nomad does by default; there is nothing to set.`,
	"ephemeral_disk":     `Its name is disk_quota.`,
	"kill_timeout":       `An app has 10 seconds after SIGTERM, as in Cloud Foundry; there is nothing to set.`,
	"max_parallel":       `Its name is max_in_flight, in deploy { … }.`,
	"canary":             `New instances start beside the old ones: deploy { max_in_flight = 1 }.`,
	"replicas":           `Its name is instances.`,
	"cores":              `Its name is cpu, in MHz.`,
	"count":              `The number of instances is process "web" { instances = 2 }; for more apps there is for_each.`,
	"for_each":           `Only an app has for_each: app "name" { for_each = toset(["a", "b"]) }.`,
	"applications":       `This is a key of manifest.yml: in HCL each app is a block, app "name" { … }.`,
	"apps":               `Each app is a block: app "name" { … }.`,
	"processes":          `Each process is a block: process "web" { … }.`,
	"sidecars":           `Each sidecar is a block: sidecar "name" { … }.`,
	"buildpack":          `Write a list: buildpacks = ["name"].`,
	"image":              `Images stand in docker { image = "…" }.`,
	"timeout":            `The startup timeout stands in health_check { startup_timeout = "60s" }.`,
	"disk":               `Its name is disk_quota.`,
	"host":               `Write the whole route: routes = ["host.example.com"].`,
	"domain":             `Write the whole route: routes = ["host.example.com"].`,
	"no-route":           `Its name is no_route.`,
	"credentials":        `Credentials belong to service_instance "name" { credentials = { … } }.`,
	"args":               `Write the whole command line: command = "program argument".`,
	"user_provided":      `Write service_instance "name" { credentials = { … } }.`,
	"health_check":       `It is a block of a process, or of the app for web: health_check { type = "http" }.`,
	"docker":             `It is a block of an app: docker { image = "…" }.`,
	"deploy":             `It is a block of an app: deploy { max_in_flight = 1 }.`,
	"startup_timeout":    `It stands in health_check { startup_timeout = "60s" }.`,
}

// unknownAttribute refuses an attribute that the place does not know.
func (m *module) unknownAttribute(src *source, attr *hclsyntax.Attribute, field, place string, known []string) {
	m.fail(src, attr.NameRange, joinField(field, attr.Name), fmt.Sprintf("%q is not an attribute of %s", attr.Name, place), hclFix(attr.Name, known))
}

// unknownBlock refuses a block that the place does not know.
func (m *module) unknownBlock(src *source, b *hclsyntax.Block, field, place string, known []string) {
	m.fail(src, b.DefRange(), joinField(field, b.Type), fmt.Sprintf("%q is not a block of %s", b.Type, place), hclFix(b.Type, known))
}

func hclFix(word string, known []string) string {
	if strings.HasPrefix(word, "health_check_") || strings.HasPrefix(word, "readiness_health_check_") {
		return `Health checks are blocks: health_check { type = "http" endpoint = "/" }.`
	}
	if hint := hints[word]; hint != "" {
		return hint
	}
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("Did you mean %q?", near)
	}
	if len(known) == 0 {
		return "Remove it."
	}
	return "Known here: " + strings.Join(known, ", ") + "."
}

func joinField(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

// onlyAttributes refuses everything in a block but the known attributes, and
// blocks that somebody else reads.
func (m *module) onlyAttributes(src *source, b *hclsyntax.Block, field, place string, known []string, blocks ...string) {
	for _, attr := range attributes(b.Body) {
		if !slices.Contains(known, attr.Name) {
			m.unknownAttribute(src, attr, field, place, append(known, blocks...))
		}
	}
	for _, inner := range b.Body.Blocks {
		if !slices.Contains(blocks, inner.Type) {
			m.unknownBlock(src, inner, field, place, append(known, blocks...))
		}
	}
}
