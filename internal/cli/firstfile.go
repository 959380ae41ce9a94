package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"wadi/spec"
)

// finding is what a folder looks like, and what a first file says of it.
type finding struct {
	says      string // "a static site"
	buildpack string // "" = left to detection
	memory    string
	command   bool // a start command has to be given
}

// lookAt guesses what kind of app a folder holds, by the files by which the
// built-in buildpacks detect, in their order.
func lookAt(dir fs.FS) finding {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { _, err := fs.Stat(dir, name); return err == nil })
	}
	withProcfile := func(f finding) finding {
		if f.memory = "256M"; f.command && has("Procfile") {
			f.says, f.command = f.says+" whose Procfile says how to start it", false
		} else if f.command {
			f.says += " without a Procfile, so the command that starts it is yours to fill in"
		}
		return f
	}
	switch {
	case has("Staticfile"), has("index.html") && !has(notStatic...):
		return finding{says: "a static site", buildpack: "staticfile", memory: "64M"}
	case has("bin/detect"), has("bin/compile"):
		return finding{says: "a buildpack, not an app; name an app's folder as path", memory: "256M"}
	case has("package.json"):
		return withProcfile(finding{says: "a Node.js app", buildpack: "nodejs", command: !has("server.js") && !startScript(dir)})
	case has("go.mod"):
		return withProcfile(finding{says: "a Go app", buildpack: "go"})
	case has("requirements.txt", "setup.py", "Pipfile", "environment.yml"), isPythonProject(dir):
		return withProcfile(finding{says: "a Python app", buildpack: "python", command: true})
	case has("Procfile"):
		return withProcfile(finding{says: "an app", buildpack: "procfile", command: true})
	}
	return withProcfile(finding{says: "an app", buildpack: "binary", command: true})
}

// notStatic are the files beside which an index.html is part of another app.
var notStatic = []string{"Procfile", "package.json", "go.mod", "requirements.txt", "setup.py", "pyproject.toml", "Pipfile"}

// startScript tells whether npm start has something to start.
func startScript(dir fs.FS) bool {
	var p struct {
		Scripts map[string]any
	}
	data, err := fs.ReadFile(dir, "package.json")
	return err == nil && json.Unmarshal(data, &p) == nil && p.Scripts["start"] != nil
}

var pythonProject = regexp.MustCompile(`(?m)^[ \t]*\[(project|build-system)\]`)

// isPythonProject tells a pyproject.toml of an app from one that only
// configures tools.
func isPythonProject(dir fs.FS) bool {
	data, err := fs.ReadFile(dir, "pyproject.toml")
	return err == nil && pythonProject.Match(data)
}

var firstFileTemplate = template.Must(template.New("wadi.hcl").Parse(`# {{.Says}}

# The project owns its apps: an app that leaves the files is stopped.
project = {{.Name}}

app {{.Name}} {
  path = "." # the source; .cfignore says what stays out of it
{{- if .Buildpack}}

  # What turns the source into something that runs. Without it every
  # buildpack is asked, and the first that knows the source is taken.
  buildpacks = [{{.Buildpack}}]
{{- end}}

  env = {
    # GREETING = "hello"
  }

  # Without routes the app gets its name as a host below the default domain.
{{- if .Routable}}
  # routes = ["{{.Host}}.example.com"]
{{- else}}
  # The name is no host name, so a route has to be given.
  routes = ["{{.Host}}.localhost"]
{{- end}}

  process "web" {
    instances = 1
    memory    = "{{.Memory}}"
{{- if .Command}}
    command   = "./start" # listens on $PORT
{{- else}}
    # command = "./start" # in place of what the buildpack says
{{- end}}
  }
}
`))

// firstFile is the text of a first wadi.hcl.
func firstFile(name string, f finding) string {
	buildpack := ""
	if f.buildpack != "" {
		buildpack = hclString(f.buildpack)
	}
	var b bytes.Buffer
	err := firstFileTemplate.Execute(&b, map[string]any{
		"Says": strings.ToUpper(f.says[:1]) + f.says[1:] + ".", "Name": hclString(name),
		"Buildpack": buildpack, "Memory": f.memory, "Command": f.command,
		"Host": spec.JobID(name), "Routable": spec.JobID(name) == name,
	})
	if err != nil {
		panic(fmt.Sprintf("the template of wadi.hcl: %v", err)) // it is a constant
	}
	return b.String()
}

// appName is the folder's name.
func appName(dir string) string {
	name := filepath.Base(filepath.Clean(dir))
	if name == "/" || name == "." {
		return "app"
	}
	return name
}

// hclString is a string literal: HCL interpolates ${ and %{.
func hclString(s string) string {
	r := strings.NewReplacer("\\", `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{")
	return `"` + r.Replace(s) + `"`
}

// shellQuote makes one word of a path for a POSIX shell.
func shellQuote(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/-+@:,=", r))
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
