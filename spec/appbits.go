package spec

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// lifecycle reads what makes an app's droplet: buildpacks or a Docker image.
func (d *appDecoder) lifecycle(f fields) {
	d.buildpacks(f)
	d.docker(f)
	n, value := f["lifecycle"], ""
	if n != nil {
		value = n.text()
	}
	d.cnbCredentials(f["cnb_credentials"], value)
	switch {
	case n == nil || n.kind == kindNull:
	case value == "buildpack" || value == "cnb":
		if d.app.Docker != nil {
			d.err(n, fmt.Sprintf("Docker cannot be configured for a %s lifecycle app.", value), "Remove lifecycle to run the image, or docker to run the source.")
			return
		}
		d.app.Lifecycle = value
	case value == "docker" && d.app.Docker != nil:
	case value == "docker":
		d.warn(n, "lifecycle docker is ignored: the app has no image", d.how("Add `docker: {image: name}`, or remove the key.", `Add docker { image = "name" }, or remove the attribute.`))
	default:
		d.warn(n, fmt.Sprintf("lifecycle %q is not known and is ignored", value), "Use buildpack, cnb or docker.")
	}
}

// cnbCredentials checks the credentials of registries, which nothing keeps:
// an app of lifecycle cnb is refused as a whole.
func (d *appDecoder) cnbCredentials(n *node, lifecycle string) {
	if n == nil || n.kind == kindNull {
		return
	}
	const fix = "Write one registry a line, each a map with username and password."
	if n.kind != kindMap {
		d.err(n, "Credentials must be an object", fix)
		return
	}
	for _, e := range n.entries {
		if e.val.kind != kindMap {
			d.err(e.val, "Credentials credentials value must be a hash", fix)
		}
	}
	if lifecycle != "cnb" {
		d.warn(n, d.how("cnb-credentials", "cnb_credentials")+" is ignored: only the lifecycle cnb reads it", "Remove it; passwords do not belong in files.")
	}
}

func (d *appDecoder) buildpacks(f fields) {
	list, single := f["buildpacks"], f["buildpack"]
	if list != nil && single != nil {
		d.err(single, "Buildpack and Buildpacks fields cannot be used together.", "Keep `buildpacks`, a list; `buildpack` is its old form.")
	}
	if single != nil {
		d.hide("buildpacks", single)
		d.singleBuildpack(single)
	}
	if list == nil || list.kind == kindNull {
		return
	}
	if list.kind != kindList {
		d.err(list, "Buildpacks must be an array", d.how("Write `buildpacks: [name]`.", `Write buildpacks = ["name"].`))
		return
	}
	d.app.Buildpacks = []string{}
	for i, item := range list.items {
		switch {
		case item.kind != kindString:
			d.err(item, "Buildpacks can only contain strings", "Write a name, a URL or a folder; quote it if it looks like a number.")
			continue
		case strings.TrimSpace(item.str) == "" || len([]rune(item.str)) > maxBuildpack:
			d.err(item, "Buildpacks entries must be between 1 and 4096 characters", "Write a name, a URL or a folder.")
			continue
		}
		d.hide(indexed("buildpacks", i), item)
		d.app.Buildpacks = append(d.app.Buildpacks, d.buildpackRef(item))
	}
}

func (d *appDecoder) singleBuildpack(n *node) {
	switch {
	case n.kind == kindNull || n.kind == kindString && (n.str == "default" || n.str == "null"):
		d.app.Buildpacks = []string{}
	case n.kind != kindString:
		d.err(n, "Buildpack must be a string", "Write a name or a URL; quote it if it looks like a number.")
	case n.str == "" || len([]rune(n.str)) > maxBuildpack:
		d.err(n, "Buildpack must be between 1 and 4096 characters", "Write a name or a URL, or remove the key to detect.")
	default:
		d.app.Buildpacks = []string{d.buildpackRef(n)}
	}
}

// buildpackRef makes a folder that HCL names ("./bp") absolute.
func (d *appDecoder) buildpackRef(n *node) string {
	if !d.hcl || !isRelativeFolder(n.str) {
		return n.str
	}
	path := absolute(d.src.dir, n.str)
	d.mustBeInside(n, path)
	return path
}

func isRelativeFolder(s string) bool {
	return s == "." || s == ".." || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../")
}

// loginVariable is where Nomad finds the login, beside which there is no other.
func (d *appDecoder) loginVariable(docker *node) string {
	n := docker.get("login_variable")
	path := d.text(n, "docker.login_variable", "login_variable")
	if path == "" {
		return ""
	}
	_, secret := n.tainted()
	switch {
	case secret:
		d.err(n, "login_variable may not come from a sensitive variable", "It shows in Nomad's job: use a variable that is not sensitive.")
	case !variablePath.MatchString(path):
		d.err(n, fmt.Sprintf("%q is no path of a Nomad Variable", path), "Letters, digits, -, _, ~ and /, at most 128 characters.")
	case docker.get("username") != nil:
		d.err(n, "docker has both username and login_variable", "Give one of them.")
	}
	return path
}

// hidePassword keeps a password for docker out of the lines that are shown, of
// whatever the line has wrong.
func (d *appDecoder) hidePassword(docker *node) {
	if docker == nil {
		return
	}
	for _, e := range docker.entries {
		if fromVar, _ := e.val.tainted(); e.key.text() == "password" && !fromVar {
			d.src.hideFrom(e.val)
		}
	}
}

func (d *appDecoder) docker(f fields) {
	n := f["docker"]
	if n == nil || n.kind == kindNull {
		return
	}
	if n.kind != kindMap {
		d.err(n, "Docker must be an object with image and username", "Write `docker: {image: name}`.")
		return
	}
	if f["buildpack"] != nil || f["buildpacks"] != nil {
		d.err(n, "Cannot specify both buildpack(s) and docker keys", "Remove docker to run the source, or the buildpacks to run the image.")
		return
	}
	docker := &Docker{
		Image:    d.text(n.get("image"), "docker.image", "Docker image"),
		Username: d.text(n.get("username"), "docker.username", "Docker username"),
	}
	if d.hcl {
		docker.Password = d.text(n.get("password"), "docker.password", "Docker password")
		docker.LoginVariable = d.loginVariable(n)
	}
	if image := n.get("image"); image != nil {
		if _, secret := image.tainted(); secret {
			d.err(image, "the image may not come from a sensitive variable", "It shows in Nomad's job: use a variable that is not sensitive.")
		}
	}
	if docker.Password != "" && docker.Username == "" {
		d.err(n.get("password"), "Docker password without a username", `Say whose it is: username = "…".`)
	}
	if docker.Image == "" {
		d.err(orMissing(n.get("image"), n, "image"), "Docker image must not be empty", d.how("Give the image: `image: registry/name:tag`.", `Give the image: image = "registry/name:tag".`))
	}
	for _, e := range n.entries {
		switch key := e.key.text(); key {
		case "image", "username":
		case "password", "login_variable":
			if d.hcl {
				continue
			}
			if key != "password" {
				d.unknownKey(e.key, "docker", names(dockerTable))
				continue
			}
			d.warn(e.key, "docker password is ignored", "Passwords do not belong in files: set CF_DOCKER_PASSWORD.")
		default:
			d.unknownKey(e.key, "docker", names(dockerTable))
		}
	}
	if d.app.PathWritten != "" {
		d.warn(f["path"], "path is ignored: the app is an image", "Remove path, or remove docker to run the source.")
	}
	d.app.Docker, d.app.Lifecycle, d.app.Path = docker, "docker", ""
}

func (d *appDecoder) features(f fields) {
	n := f["features"]
	if n == nil {
		return
	}
	const wrong = "Features must be a map of valid feature names to booleans (true = enabled, false = disabled)"
	known := names(featureTable)
	if n.kind != kindMap || len(n.entries) == 0 {
		d.err(n, wrong, "Write one `name: true` a line; names are "+strings.Join(known, ", ")+".")
		return
	}
	features := map[string]bool{}
	for _, e := range n.entries {
		if e.val.kind != kindBool || !slices.Contains(known, e.key.text()) {
			d.err(inField(n, e.key), wrong, featureFix(e, known))
			return
		}
		features[e.key.text()] = e.val.b
	}
	if features["service-binding-k8s"] && features["file-based-vcap-services"] {
		d.err(n, "'file-based-vcap-services' and 'service-binding-k8s' features cannot be enabled at the same time.", "Enable one of them.")
	}
	d.app.Features = features
}

func featureFix(e entry, known []string) string {
	name := e.key.text()
	if slices.Contains(known, name) {
		return fmt.Sprintf("`%s` is %s: write true or false without quotes.", name, e.val.kind)
	}
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("There is no feature `%s`: did you mean `%s`?", name, near)
	}
	return fmt.Sprintf("There is no feature `%s`; names are %s.", name, strings.Join(known, ", "))
}

// inField is the place of a part, for errors that Cloud Foundry has of the
// whole.
func inField(whole, part *node) *node {
	at := *part
	at.field = whole.field
	return &at
}

// deploy reads HCL's deploy block; manifests have no such key.
func (d *appDecoder) deploy(n *node) {
	if n == nil || !d.hcl {
		return
	}
	if s := n.get("strategy"); s != nil {
		d.app.Deploy.Strategy = d.text(s, "deploy.strategy", "Strategy")
		if d.app.Deploy.Strategy != "rolling" {
			d.err(s, `Deploy strategy must be "rolling"`, "Other strategies are not supported; remove the attribute.")
		}
	}
	d.app.Deploy.MaxInFlight = d.number(n.get("max_in_flight"), "deploy.max_in_flight", numberOf(deployTable, "max_in_flight", "Max in flight"))
}

// projectRelative is a path as people read it: below dir without dir.
func projectRelative(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil && inside(dir, path) {
		return rel
	}
	return path
}
