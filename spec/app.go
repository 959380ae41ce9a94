package spec

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
)

// appDecoder turns one app's tree, of manifest.yml or of HCL, into an App,
// and says everything that is wrong with it in Cloud Foundry's words. The
// rules and texts are those of cf (CLI, util/manifestparser) and of
// cloud_controller_ng (app/messages/app_manifest_message.rb).
type appDecoder struct {
	src    *source
	hcl    bool
	prefix string // "For application 'x': "
	root   *node
	app    App
}

// fields are the values of one map by key, "-" written as "_".
type fields map[string]*node

func (d *appDecoder) err(n *node, summary, detail string) {
	d.src.add(SeverityError, n, d.prefix+redact(n, summary), redact(n, detail))
}

func (d *appDecoder) warn(n *node, summary, detail string) {
	d.src.add(SeverityWarning, n, d.prefix+redact(n, summary), redact(n, detail))
}

// how chooses the words that fit the file: an example in YAML or in HCL.
func (d *appDecoder) how(yaml, hcl string) string {
	if d.hcl {
		return hcl
	}
	return yaml
}

// redact masks the value of a sensitive node in a message about it.
func redact(n *node, message string) string {
	if n == nil {
		return message
	}
	if _, secret := n.tainted(); secret {
		for _, text := range []string{n.text(), n.inspect()} {
			if text != "" {
				message = strings.ReplaceAll(message, text, masked)
			}
		}
	}
	return message
}

// hide records a value that came through a variable under its path.
func (d *appDecoder) hide(path string, n *node) {
	fromVar, secret := n.tainted()
	if fromVar {
		d.app.Sensitive[path] = true
	}
	if secret {
		d.app.Masked[path] = true
	}
}

// fields reads a map whose keys may be written with "-" or "_".
func (d *appDecoder) fields(n *node) fields {
	out := fields{}
	keys := map[string]*node{}
	for _, e := range n.entries {
		name := strings.ReplaceAll(e.key.text(), "-", "_")
		if first := keys[name]; first != nil {
			d.conflict(name, first, e.key)
		}
		keys[name] = e.key
		out[name] = e.val
	}
	return out
}

func (d *appDecoder) conflict(name string, first, second *node) {
	if name == "disk_quota" {
		d.err(second, "cannot define both `disk_quota` and `disk-quota`", "Remove one of them.")
		return
	}
	d.warn(second, fmt.Sprintf("`%s` and `%s` are one key, the second counts", first.text(), second.text()), "Remove one of them.")
}

// decodeApp reads an app whose name has been settled.
func decodeApp(src *source, root *node, name string, isHCL bool) App {
	d := &appDecoder{src: src, hcl: isHCL, root: root, prefix: "For application '" + name + "': "}
	d.app = App{Name: name, Field: root.field, Sensitive: map[string]bool{}, Masked: map[string]bool{}, Pos: src.pos(root), FieldPos: map[string]Pos{}}
	d.recordPositions(root, root.field+".")
	for _, e := range root.entries {
		if e.key.text() == "docker" {
			d.hidePassword(e.val)
		}
	}
	f := d.fields(root)
	if n := f["name"]; n != nil {
		d.hide("name", n)
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		d.err(orNode(f["name"], root), "Name must have printable characters only", "Remove the line break, tab or escape sequence from the name.")
	}
	d.refuseSecrets(f)
	d.path(f)
	d.app.Stack = d.text(f["stack"], "stack", "Stack")
	d.lifecycle(f)
	d.env(f["env"])
	d.routes(f)
	d.services(f)
	d.processes(f)
	d.sidecars(f)
	d.metadata(f["metadata"])
	d.features(f)
	d.deploy(f["deploy"])
	if !d.hcl {
		d.unknownAppKeys()
	}
	return d.app
}

// refuseSecrets refuses sensitive values where nothing can be hidden: these
// stand in the job's name, its tags or its constraints. (An app's name was
// looked at before.)
func (d *appDecoder) refuseSecrets(f fields) {
	for _, key := range []string{"path", "stack", "routes"} {
		if n := f[key]; n != nil {
			if _, secret := n.tainted(); secret {
				d.err(n, key+" may not come from a sensitive variable", "It shows in Nomad's job: use a variable that is not sensitive.")
				delete(f, key)
			}
		}
	}
}

func (d *appDecoder) recordPositions(n *node, prefix string) {
	if name, ok := strings.CutPrefix(n.field, prefix); ok {
		d.app.FieldPos[name] = d.src.pos(n)
	}
	for _, item := range n.items {
		d.recordPositions(item, prefix)
	}
	for _, e := range n.entries {
		d.recordPositions(e.val, prefix)
	}
}

// text reads a string as the CLI does: numbers and booleans become text,
// null and "" count as not given.
func (d *appDecoder) text(n *node, path, label string) string {
	if n == nil || n.kind == kindNull {
		return ""
	}
	if n.kind == kindList || n.kind == kindMap {
		d.err(n, label+" must be a string", fmt.Sprintf("Here is %s; write one plain value.", n.kind))
		return ""
	}
	d.hide(path, n)
	return n.text()
}

// path resolves where the source is: relative to the folder of the file,
// after symbolic links, as cf does for `path`. Without the key it is the
// folder of the file. HCL may not leave that folder, a manifest may (cf
// allows it, and `../target/app.jar` is common).
func (d *appDecoder) path(f fields) {
	written := d.text(f["path"], "path", "Path")
	d.app.PathWritten = written
	d.app.Path = d.src.dir
	if written == "" {
		return
	}
	d.app.Path = absolute(d.src.dir, written)
	if d.hcl {
		d.mustBeInside(f["path"], d.app.Path)
	}
}

var errLeaves = errors.New("the path leaves the project folder")

// mustBeInside refuses a path of HCL that leads out of the file's folder.
func (d *appDecoder) mustBeInside(n *node, path string) {
	if err := checkInside(d.src.fs, d.src.dir, path); err != nil {
		if _, secret := n.tainted(); secret {
			err = errLeaves
		}
		d.err(n, err.Error(), "Paths in HCL stay inside the folder of their file: move the file up, or what it names below it.")
	}
}

// absolute joins a path of a file to the file's folder. Backslashes stay as
// they are: they are ordinary characters of file names here.
func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// inside says whether path is dir or below it.
func inside(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// env reads the environment; values become strings as in Cloud Foundry.
func (d *appDecoder) env(n *node) {
	if n == nil {
		return
	}
	if n.kind != kindMap {
		d.err(n, "Env must be an object of keys and values", d.how("Write one `KEY: value` a line below env, or remove the key.", `Write env = { KEY = "value" }, or remove the attribute.`))
		return
	}
	d.app.Env = make(map[string]string, len(n.entries))
	for _, e := range n.entries {
		if problem, fix := envKeyProblem(e.key); problem != "" {
			d.err(e.key, problem, fix)
			continue
		}
		if d.hcl && e.val.kind == kindNull {
			continue // null is "not set" in HCL; in a manifest it is ""
		}
		key := e.key.text()
		value := e.val.text()
		if e.val.kind == kindList || e.val.kind == kindMap {
			value = e.val.inspect()
			d.warn(e.val, fmt.Sprintf("env %s is %s: the app gets Ruby's text of it, as in Cloud Foundry", key, e.val.kind),
				"Quote the value to give it as JSON: '{\"a\": 1}'.")
		}
		d.app.Env[key] = value
		d.hide("env."+key, e.val)
	}
}

// envKeyProblem says what Cloud Foundry does not allow of a key's name.
func envKeyProblem(key *node) (problem, fix string) {
	upper := strings.ToUpper(key.text())
	const reserved = "Rename the variable: the platform sets this one."
	switch {
	case key.kind != kindString:
		return "Env key must be a string", fmt.Sprintf("`%s` is %s in YAML: quote it.", key.text(), key.kind)
	case upper == "":
		return "Env key must be a minimum length of 1", "Give the variable a name."
	case strings.HasPrefix(upper, "VCAP_"):
		return "Env cannot start with VCAP_", reserved
	case strings.HasPrefix(upper, "VMC"):
		return "Env cannot start with VMC_", reserved
	case upper == "PORT":
		return "Env cannot set PORT", "Remove it: the app is told its port."
	}
	return "", ""
}
