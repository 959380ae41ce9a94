package spec

import (
	"fmt"
	"strings"
)

// The words that some keys take.
var (
	checkWords     = []string{"port", "process", "http"}
	lifecycleWords = []string{"buildpack", "cnb", "docker"}
	protocolWords  = []string{"http1", "http2", "tcp"}
	balancingWords = []string{"round-robin", "least-connection"}
)

// The most characters that Cloud Foundry takes.
const (
	maxCommand   = 4096
	maxUser      = 255
	maxBuildpack = 4096
)

// documentTable are the keys of a manifest itself.
var documentTable = []key{
	{name: "version", hcl: "-", value: value{kind: wholeCLI, min: 1, max: 1}, initial: "`1`", doc: "The version of the manifest's format."},
	{name: "applications", needed: true, block: "app", value: value{kind: listOf, keys: appKeyTable, min: 1, prose: "list of apps"},
		doc: "The apps. Other keys beside it are for YAML anchors; nothing else reads them."},
}

// appKeyTable are all keys of an app: its own and those of its web process.
var appKeyTable = append(append([]key{}, appTable...), processTable...)

// appTable are the keys of an app, beside those of its web process.
var appTable = []key{
	{name: "name", value: value{kind: anyText, orNull: true}, initial: "`--app`, for a single app; in HCL the block's label",
		doc: "The app's name. It is the host of its default route too, which takes letters, digits, `-` and `_`, at most 63."},
	{name: "for_each", yaml: "-", value: value{kind: anything, prose: "map, object, or set of strings"}, initial: "one app",
		doc: "Makes an app for every element, with `each.key` and `each.value`, called by the block's label and the key."},
	{name: "path", value: value{kind: anyText, orNull: true, prose: "path of a folder, zip, jar or war"}, initial: "the folder of the file",
		doc: "The app's source. Relative paths start at the folder of the file; those of HCL may not leave it."},
	{name: "stack", value: value{kind: anyText, orNull: true, prose: "name"}, initial: "`host`", doc: "Where the app is staged and runs: a `stack` block, or a name that buildpacks know."},
	{name: "buildpacks", value: value{kind: listOf, orNull: true, items: &value{kind: strictText, min: 1, max: maxBuildpack}, prose: "list of names, URLs, folders and archives"}, initial: "detect",
		doc: "The buildpacks, in order; the last one gives the start command. `[]` detects."},
	{name: "buildpack", hcl: "-", value: value{kind: strictText, orNull: true, min: 1, max: maxBuildpack, prose: "name, URL, folder or archive"},
		doc: "The old form of `buildpacks`; `default` and null detect. Not beside `buildpacks`."},
	{name: "lifecycle", value: value{kind: oneWord, orNull: true, words: lifecycleWords}, initial: "`docker` beside that key, else `buildpack`",
		doc: "What makes the droplet.", unserved: "`cnb`"},
	{name: "cnb_credentials", yaml: "cnb-credentials", value: value{kind: mapOf, orNull: true, items: &value{kind: mapOf}, prose: "map of registries to username and password"},
		doc: "Credentials of registries, for `lifecycle: cnb`."},
	{name: "env", value: value{kind: mapOf, prose: "map of texts"}, initial: "none",
		doc: "Environment variables. Numbers and booleans become texts; null is an empty text in a manifest, and not set in HCL. `PORT` and names that start with `VCAP_` or `VMC` are the platform's."},
	{name: "routes", value: value{kind: listOf, keys: routeTable, prose: "list of routes; in HCL an item may be the text alone"}, initial: "the default route",
		doc: "The routes of the app, these and no others; `[]` is none."},
	{name: "no_route", yaml: "no-route", value: value{kind: yesOrNo, orNull: true}, initial: "`false`", doc: "No routes, whatever `routes` says."},
	{name: "random_route", yaml: "random-route", value: value{kind: yesOrNo, orNull: true}, initial: "`false`", doc: "A route with a random host, if there are no `routes`.", unserved: "all"},
	{name: "default_route", yaml: "default-route", value: value{kind: yesOrNo, orNull: true}, initial: "`true`, if nothing else says where routes come from",
		doc: "The route `<name>.<domain>`, if there are no `routes`. Not beside `random-route`."},
	{name: "services", value: value{kind: listOf, items: &value{kind: strictText, min: 1}, keys: serviceTable, closed: true, prose: "list of names, or of maps"}, initial: "none", doc: "The service instances to bind."},
	{name: "metadata", value: value{kind: mapWith, orNull: true, keys: metadataTable, closed: true}, initial: "none", doc: "Labels and annotations.", unserved: "all"},
	{name: "features", value: value{kind: mapWith, keys: featureTable, closed: true, min: 1}, initial: "none", doc: "Features to switch on or off."},
	{name: "processes", block: "process", value: value{kind: listOf, orNull: true, keys: processEntryTable, prose: "list of processes, each type once"}, initial: "`web` alone",
		doc: "The processes. As soon as one is `web`, the app's own keys of a process count for nothing (in HCL they are an error)."},
	{name: "sidecars", block: "sidecar", value: value{kind: listOf, keys: sidecarTable, prose: "list of sidecars"}, initial: "none",
		doc: "Helpers that run beside every instance of some processes."},
	{name: "deploy", yaml: "-", block: "deploy", value: value{kind: mapWith, keys: deployTable}, doc: "How a new version takes over."},
	{name: "docker", block: "docker", value: value{kind: mapWith, orNull: true, keys: dockerTable}, doc: "Runs an image in place of a source. Not beside `buildpacks`."},
}

// processTable are the keys that configure a process: at the app's level they
// mean web.
var processTable = []key{
	{name: "instances", value: value{kind: wholeCLI, orNull: true, max: maxInstances}, initial: fmt.Sprintf("as many as run; at first %d for `web`, %d for others", DefaultWebInstances, DefaultInstances),
		doc: "How many instances run."},
	{name: "memory", value: value{kind: sizeText, orNull: true}, initial: sizeOf(DefaultMemoryMB), doc: "The memory of an instance, its sidecars' included."},
	{name: "disk_quota", value: value{kind: sizeText, orNull: true, prose: fmt.Sprintf("size; at most %d MB in a manifest", cfMaxDiskMB)}, initial: sizeOf(DefaultDiskMB),
		doc: "The disk of an instance, beside its droplet."},
	{name: "log_rate_limit_per_second", yaml: "log-rate-limit-per-second", value: value{kind: rateText, orNull: true}, initial: fmt.Sprintf("`%d`, no limit", DefaultLogRateLimitBPS),
		doc: "How much an instance may log a second.", unserved: "all but `-1`"},
	{name: "command", value: value{kind: strictText, orNull: true, min: 1, max: maxCommand}, initial: "the droplet's own: Procfile, or the buildpack",
		doc: "The start command. `default` and null are the droplet's own."},
	{name: "user", listed: true, value: value{kind: strictText, orNull: true, min: 1, max: maxUser, prose: "text, 1 to 255 characters; in a manifest only below `processes`"}, initial: "`vcap`",
		doc: "The user that the process runs as. For an image any that it knows, or a number; not said: whom the image says.", unserved: "all but `vcap` without an image"},
	{name: "cpu", yaml: "-", value: value{kind: wholeCLI, orNull: true, min: 1, prose: "MHz, at least 1"}, initial: "1000 × memory ÷ 8 GB, memory taken as 128 MB to 8 GB", doc: "The share of the processor."},
	{name: "node_pool", yaml: "-", value: value{kind: strictText}, initial: "the stack's", doc: "Nomad's node pool, in place of the stack's."},
	{name: "datacenters", yaml: "-", value: value{kind: listOf, min: 1, prose: "list of names, `*` in one standing for anything"}, initial: "the stack's", doc: "Which of the stack's datacenters."},
	{name: "constraint", yaml: "-", block: "constraint", value: value{kind: mapWith, keys: constraintTable}, doc: "A rule for the nodes, beside the stack's; there may be several."},
	{name: "health_check_type", yaml: "health-check-type", hcl: "health_check.type", value: value{kind: oneWord, orNull: true, words: checkWords, prose: wordList(checkWords) + "; `none` is the old name of `process`"},
		initial: "`port` for `web`, else `process`", doc: "What shows that an instance is well: its port takes connections, the endpoint answers 200, or the process is there."},
	{name: "health_check_http_endpoint", yaml: "health-check-http-endpoint", hcl: "health_check.endpoint", value: value{kind: urlPath, orNull: true},
		doc: "What an `http` check asks for; needed there."},
	{name: "health_check_interval", yaml: "health-check-interval", hcl: "health_check.interval", value: seconds(wholeCC), initial: fmt.Sprintf("`%d`", DefaultCheckIntervalS),
		doc: "The time between two checks of a healthy instance."},
	{name: "health_check_invocation_timeout", yaml: "health-check-invocation-timeout", hcl: "health_check.invocation_timeout", value: seconds(wholeCC),
		initial: fmt.Sprintf("`%d`", DefaultInvocationTimeoutS), doc: "How long one check may take."},
	{name: "timeout", hcl: "health_check.startup_timeout",
		value:   value{kind: wholeCLI, orNull: true, min: 1, prose: fmt.Sprintf("seconds, at least 1; at most %d in a manifest", cfMaxTimeoutS)},
		initial: fmt.Sprintf("`%d`", DefaultTimeoutS), doc: "How long a new instance may take to be healthy the first time. A manifest's `0` counts as not said."},
	{name: "readiness_health_check_type", yaml: "readiness-health-check-type", hcl: "readiness_health_check.type", value: value{kind: oneWord, words: checkWords},
		initial: "`process`, always ready", doc: "What shows that an instance can take requests. One that cannot gets none until it can again."},
	{name: "readiness_health_check_http_endpoint", yaml: "readiness-health-check-http-endpoint", hcl: "readiness_health_check.endpoint", value: value{kind: urlPath, orNull: true},
		doc: "What an `http` readiness check asks for; needed there."},
	{name: "readiness_health_check_interval", yaml: "readiness-health-check-interval", hcl: "readiness_health_check.interval", value: seconds(wholeCC),
		initial: fmt.Sprintf("`%d`", DefaultCheckIntervalS), doc: "The time between two readiness checks."},
	{name: "readiness_health_check_invocation_timeout", yaml: "readiness-health-check-invocation-timeout", hcl: "readiness_health_check.invocation_timeout",
		value: seconds(wholeCC), initial: fmt.Sprintf("`%d`", DefaultInvocationTimeoutS), doc: "How long one readiness check may take."},
}

// processEntryTable are the keys of an element of `processes`.
var processEntryTable = append([]key{
	{name: "type", needed: true, hcl: "-", value: value{kind: anyText, min: 1}, doc: "The type: `web` takes the routes, all others have names of their own. In HCL it is the block's label."},
}, processTable...)

var routeTable = []key{
	{name: "route", needed: true, value: value{kind: anyText, min: 1, prose: "`[scheme://]host[:port][/path]`"}, doc: "The route. A port makes it a TCP route; `*` may be the first label of the host.",
		unserved: "routes with a port"},
	{name: "protocol", value: value{kind: oneWord, orNull: true, words: protocolWords}, initial: "`tcp` with a port, else `http1`", doc: "What the app is spoken to with.", unserved: "`http2`, `tcp`"},
	{name: "options", value: value{kind: mapWith, keys: routeOptionTable, closed: true}, doc: "Options of the router.", unserved: "all"},
}

var routeOptionTable = []key{
	{name: "loadbalancing", value: value{kind: oneWord, words: balancingWords}, initial: "`round-robin`", doc: "How the router chooses an instance.", unserved: "all"},
}

var serviceTable = []key{
	{name: "name", needed: true, value: value{kind: strictText, min: 1}, doc: "The service instance."},
	{name: "binding_name", value: value{kind: strictText, min: 1}, initial: "the instance's name", doc: "The name of the binding, in `VCAP_SERVICES` and as a file."},
	{name: "parameters", value: value{kind: mapOf, prose: "map"}, doc: "What a service broker is told.", unserved: "all"},
}

var sidecarTable = []key{
	{name: "name", needed: true, hcl: "-", value: value{kind: strictText, min: 1}, doc: "The sidecar's name. In HCL it is the block's label."},
	{name: "command", needed: true, value: value{kind: strictText, min: 1}, doc: "The start command."},
	{name: "process_types", needed: true, value: value{kind: listOf, min: 1, items: &value{kind: anyText, min: 1}, prose: "list of process types"}, doc: "The processes that it runs beside."},
	{name: "memory", value: value{kind: sizeText, orNull: true, min: 1, prose: "size; a number alone is MB"}, initial: "no limit of its own", doc: "Its part of the process's memory, of which something must be left."},
}

var metadataTable = []key{
	{name: "labels", value: value{kind: mapOf, orNull: true, max: maxLabels, items: &value{kind: anyText, orNull: true, max: maxMetadataName}, prose: fmt.Sprintf("map, at most %d", maxLabels)}, doc: "`[prefix/]name` to a text of at most 63 letters, digits, `-`, `_` and `.`; null deletes."},
	{name: "annotations", value: value{kind: mapOf, orNull: true, max: maxAnnotations, items: &value{kind: anyText, orNull: true, max: maxAnnotationValue}, prose: fmt.Sprintf("map, at most %d", maxAnnotations)},
		doc: fmt.Sprintf("`[prefix/]name` to any text of at most %d characters; null deletes.", maxAnnotationValue)},
}

var featureTable = []key{
	{name: "ssh", value: value{kind: yesOrNo}, doc: "Shells in instances; `wadi ssh` needs no feature.", unserved: "`true`"},
	{name: "revisions", value: value{kind: yesOrNo}, doc: "wadi keeps revisions always."},
	{name: "service-binding-k8s", value: value{kind: yesOrNo}, initial: "`false`", doc: "Bindings as files below `SERVICE_BINDING_ROOT`, in place of `VCAP_SERVICES`."},
	{name: "file-based-vcap-services", value: value{kind: yesOrNo}, initial: "`false`", doc: "`VCAP_SERVICES` as a file. Not with `service-binding-k8s`."},
}

var deployTable = []key{
	{name: "strategy", yaml: "-", value: value{kind: oneWord, words: []string{"rolling"}}, initial: "`rolling`", doc: "New instances beside the old ones, which leave when the new ones are healthy."},
	{name: "max_in_flight", yaml: "-", value: value{kind: wholeCLI, min: 1}, initial: "`1`", doc: "How many new instances at a time."},
}

var dockerTable = []key{
	{name: "image", needed: true, value: value{kind: anyText, min: 1, prose: "`[registry/]name[:tag][@digest]`"}, doc: "The image."},
	{name: "username", value: value{kind: anyText, orNull: true}, doc: "Who pulls it; the password is `CF_DOCKER_PASSWORD` in the environment."},
	{name: "password", yaml: "-", value: value{kind: anyText, orNull: true}, doc: "The password of that user, from a sensitive variable; before `CF_DOCKER_PASSWORD`."},
	{name: "login_variable", yaml: "-", value: value{kind: strictText, prose: "path of a Nomad Variable"}, doc: "Takes `username` and `password` from the items of that Variable; not beside `username`."},
}

func seconds(kind valueKind) value {
	return value{kind: kind, min: 1, orNull: true, prose: "seconds, at least 1"}
}

// wordList writes words for people: `a`, `b` or `c`.
func wordList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "`" + w + "`"
	}
	last := len(quoted) - 1
	if last == 0 {
		return quoted[0]
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

func sizeOf(mb int) string {
	if mb%1024 == 0 {
		return fmt.Sprintf("`%dG`", mb/1024)
	}
	return fmt.Sprintf("`%dM`", mb)
}
