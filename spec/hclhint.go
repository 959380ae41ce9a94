package spec

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// hints answer habits of Nomad, Terraform and Cloud Foundry in the wrong
// place, by the word.
var hints = map[string]string{
	"env":             `Environment variables are an attribute: env = { NAME = "value" }.`,
	"environment":     `Environment variables are an attribute: env = { NAME = "value" }.`,
	"service":         `Bindings are an attribute: services = ["name"]; wadi registers the app with Nomad itself.`,
	"services":        `Bindings are an attribute: services = ["name"].`,
	"route":           `Routes are an attribute: routes = ["app.example.com"].`,
	"routes":          `Routes are an attribute: routes = ["app.example.com"].`,
	"metadata":        `Metadata is an attribute: metadata = { labels = { team = "a" } }.`,
	"features":        `Features are an attribute: features = { ssh = true }.`,
	"job":             `wadi makes the Nomad job: describe the app with app "name" { … }; "wadi render" shows the job.`,
	"group":           `Nomad's groups are processes here: process "web" { … } inside an app.`,
	"task":            `Nomad's tasks are processes and sidecars here: process "web" { … } or sidecar "name" { … } inside an app.`,
	"update":          `Deployments are described by deploy { strategy = "rolling" max_in_flight = 1 }.`,
	"resources":       `Memory and cpu are attributes of a process: memory = "256M".`,
	"resource":        `This is Terraform's word: apps are described with app "name" { … }.`,
	"check":           `Health checks are health_check { type = "http" endpoint = "/" } in a process.`,
	"network":         `wadi gives web processes their port; routes = ["app.example.com"] leads to it.`,
	"port":            `wadi gives web processes their port in $PORT.`,
	"template":        `Configuration comes through env and services; a template has no place here.`,
	"artifact":        `The app's source is its path; buildpacks and images are fetched by wadi.`,
	"config":          `Write the settings themselves: docker { image = "…" } or process "web" { command = "…" }.`,
	"driver":          `The driver belongs to a stack: stack "name" { driver = "docker" }.`,
	"constraint":      `Where apps run is said by a stack: stack "name" { node_pool = "…" }.`,
	"restart":         `wadi restarts as Cloud Foundry does; there is nothing to set.`,
	"reschedule":      `wadi restarts as Cloud Foundry does; there is nothing to set.`,
	"meta":            `Labels are metadata = { labels = { … } }.`,
	"volume":          `Volumes are not supported; bind a service instead.`,
	"variables":       `Declare each one: variable "name" { … }.`,
	"local":           `Write locals { name = value }.`,
	"output":          `wadi has no outputs; "wadi status --json" tells what runs.`,
	"provider":        `wadi needs no providers; NOMAD_ADDR says where Nomad is.`,
	"terraform":       `This is a file of wadi; put Terraform's into files of its own.`,
	"module":          `Give several folders to one command instead: wadi plan a b.`,
	"data":            `wadi has no data sources; use variables.`,
	"count":           `The number of instances is process "web" { instances = 2 }; each app has a block of its own.`,
	"for_each":        `Each app has a block of its own.`,
	"applications":    `This is a key of manifest.yml: in HCL each app is a block, app "name" { … }.`,
	"apps":            `Each app is a block: app "name" { … }.`,
	"processes":       `Each process is a block: process "web" { … }.`,
	"sidecars":        `Each sidecar is a block: sidecar "name" { … }.`,
	"buildpack":       `Write a list: buildpacks = ["name"].`,
	"image":           `Images stand in docker { image = "…" }.`,
	"timeout":         `The startup timeout stands in health_check { startup_timeout = "60s" }.`,
	"disk":            `Its name is disk_quota.`,
	"host":            `Write the whole route: routes = ["host.example.com"].`,
	"domain":          `Write the whole route: routes = ["host.example.com"].`,
	"no-route":        `Its name is no_route.`,
	"credentials":     `Credentials belong to service_instance "name" { credentials = { … } }.`,
	"args":            `Write the whole command line: command = "program argument".`,
	"user_provided":   `Write service_instance "name" { credentials = { … } }.`,
	"health_check":    `Write it as a block: health_check { type = "http" }.`,
	"docker":          `Write it as a block: docker { image = "…" }.`,
	"deploy":          `Write it as a block: deploy { max_in_flight = 1 }.`,
	"startup_timeout": `It stands in health_check { startup_timeout = "60s" }.`,
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

// onlyAttributes refuses everything in a block but the known attributes.
func (m *module) onlyAttributes(src *source, b *hclsyntax.Block, field, place string, known []string) {
	for _, attr := range attributes(b.Body) {
		if !contains(known, attr.Name) {
			m.unknownAttribute(src, attr, field, place, known)
		}
	}
	for _, inner := range b.Body.Blocks {
		m.unknownBlock(src, inner, field, place, known)
	}
}
