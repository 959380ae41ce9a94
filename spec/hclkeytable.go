package spec

// The blocks and attributes that only HCL has, as keytable.go has the others.

// fileTable are what a file of HCL has at its top.
var fileTable = []key{
	{name: "project", yaml: "-", value: value{kind: strictText, min: 1}, initial: "`--project`, else `default`",
		doc: "The files' name. It scopes removal: apps of the project that left the files are stopped."},
	{name: "wadi", yaml: "-", block: "wadi", value: value{kind: mapWith, keys: wadiTable}, doc: "What the files need of wadi itself."},
	{name: "variable", yaml: "-", block: "variable", value: value{kind: mapWith, keys: variableTable}, doc: "Declares `var.NAME`."},
	{name: "locals", yaml: "-", block: "locals", value: value{kind: mapOf}, doc: "Each attribute is `local.NAME`; they may refer to variables, to each other, and to blocks."},
	{name: "stack", yaml: "-", block: "stack", value: value{kind: mapWith, keys: stackTable}, doc: "Where apps are staged and run. `host` is the default, and need not be declared."},
	{name: "buildpack", yaml: "-", block: "buildpack", value: value{kind: mapWith, keys: buildpackTable}, doc: "Names a buildpack."},
	{name: "service_instance", yaml: "-", block: "service_instance", value: value{kind: mapWith, keys: serviceInstanceTable}, doc: "A user-provided service instance."},
	{name: "app", yaml: "-", block: "app", value: value{kind: mapWith, keys: appTable}, doc: "An app. The label is its name unless `name` says otherwise."},
}

var wadiTable = []key{
	{name: "required_version", yaml: "-", value: value{kind: strictText, prose: "version constraint, such as `>= 1.2` or `~> 1.2, != 1.2.3`"}, initial: "any", doc: "The versions of wadi that the files are for."},
}

var variableTable = []key{
	{name: "type", yaml: "-", value: value{kind: anything, prose: "`string`, `number`, `bool`, `any`, `list(…)`, `set(…)`, `map(…)`, `tuple([…])`, `object({…})` with `optional(…)`"}, initial: "`any`", doc: "What the value must be."},
	{name: "default", yaml: "-", value: value{kind: anything, prose: "a value of the type"}, initial: "the variable must be given", doc: "The value if none is given."},
	{name: "sensitive", yaml: "-", value: value{kind: yesOrNo}, initial: "`false`", doc: "wadi prints neither the value nor what is made of it."},
	{name: "nullable", yaml: "-", value: value{kind: yesOrNo}, initial: "`true`", doc: "Whether null is a value; if not, it stands for the default."},
	{name: "description", yaml: "-", value: value{kind: strictText}, doc: "For people."},
	{name: "validation", yaml: "-", block: "validation", value: value{kind: mapWith, keys: validationTable}, doc: "A rule for the value; there may be several."},
}

var validationTable = []key{
	{name: "condition", needed: true, yaml: "-", value: value{kind: yesOrNo}, doc: "What must be true; it may refer to other variables and to locals."},
	{name: "error_message", needed: true, yaml: "-", value: value{kind: strictText}, doc: "What is said if it is not."},
}

var stackTable = []key{
	{name: "driver", needed: true, yaml: "-", value: value{kind: oneWord, words: []string{"raw_exec", "docker"}}, doc: "Nomad's task driver."},
	{name: "node_pool", yaml: "-", value: value{kind: strictText}, initial: "`default`", doc: "Nomad's node pool."},
	{name: "datacenters", yaml: "-", value: value{kind: listOf, min: 1, prose: "list of names, `*` in one standing for anything"}, initial: "any", doc: "Nomad's datacenters."},
	{name: "constraint", yaml: "-", block: "constraint", value: value{kind: mapWith, keys: constraintTable}, doc: "A rule for the nodes; there may be several."},
	{name: "priority", yaml: "-", value: value{kind: wholeCLI, min: 1, max: maxPriority}, initial: "`50`", doc: "The priority of the apps' jobs, and of their staging, against other jobs of the Nomad."},
	{name: "image", yaml: "-", value: value{kind: strictText}, doc: "The root file system, for `docker` and needed there."},
}

var constraintTable = []key{
	{name: "attribute", yaml: "-", value: value{kind: strictText, prose: "`attr.NAME`, `meta.NAME`, `node.class`, `node.datacenter`, `node.pool`, `node.unique.id`, `node.unique.name`"}, doc: "What of the node. Needed, but not with `distinct_hosts`."},
	{name: "operator", yaml: "-", value: value{kind: oneWord, words: constraintOperators}, initial: "`=`", doc: "How it is compared."},
	{name: "value", yaml: "-", value: value{kind: anyText}, doc: "With what."},
}

var buildpackTable = []key{
	{name: "source", needed: true, yaml: "-", value: value{kind: strictText, prose: "URL of a git repository (`#branch`, `#tag` or `#commit`) or of an archive; folder or archive below the file's folder"},
		doc: "Where the buildpack is."},
	{name: "sha256", yaml: "-", value: value{kind: strictText, prose: "64 hexadecimal digits"}, initial: "what the archive is when a plan is made",
		doc: "The digest of an archive. One that differs is refused."},
	{name: "position", yaml: "-", value: value{kind: wholeCLI, min: 1}, initial: "not asked in detection, unless it has the name of a built-in one",
		doc: "Its place, from 1, among those that are asked where an app names no buildpack."},
	{name: "stack", yaml: "-", value: value{kind: strictText}, initial: "all", doc: "The stack whose apps it is for."},
	{name: "enabled", yaml: "-", value: value{kind: yesOrNo}, initial: "`true`", doc: "`false`: no app gets it, and a built-in one of the name is not asked in detection."},
}

var serviceInstanceTable = []key{
	{name: "credentials", yaml: "-", value: value{kind: mapOf, prose: "object"}, initial: "none", doc: "The credentials that bound apps get."},
	{name: "credentials_variable", yaml: "-", value: value{kind: strictText, prose: "path of a Nomad Variable"}, doc: "Takes the credentials from the items of that Variable; not beside `credentials`."},
	{name: "tags", yaml: "-", value: value{kind: listOf, prose: "list of texts"}, initial: "none", doc: "Tags in `VCAP_SERVICES`."},
	{name: "label", yaml: "-", value: value{kind: strictText}, initial: "`user-provided`", doc: "The label in `VCAP_SERVICES`."},
	{name: "plan", yaml: "-", value: value{kind: strictText}, initial: "none", doc: "The plan in `VCAP_SERVICES`."},
	{name: "syslog_drain_url", yaml: "-", value: value{kind: strictText, prose: "URL"}, doc: "Handed to the app; wadi drains nothing."},
	{name: "route_service_url", yaml: "-", value: value{kind: strictText, prose: "URL"}, doc: "A route service.", unserved: "all"},
}
