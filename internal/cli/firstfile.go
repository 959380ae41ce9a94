package cli

import (
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
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
// buildpacks themselves detect.
func lookAt(dir fs.FS) finding {
	has := func(name string) bool { _, err := fs.Stat(dir, name); return err == nil }
	switch {
	case has("Staticfile"), has("index.html"):
		return finding{says: "a static site", buildpack: "staticfile", memory: "64M"}
	case has("Procfile"):
		return finding{says: "an app whose Procfile says how to start it", buildpack: "procfile", memory: "256M"}
	case has("bin/detect"), has("bin/compile"):
		return finding{says: "a buildpack, not an app; name an app's folder as path", memory: "256M"}
	}
	return finding{says: "an app without a Procfile, so the command that starts it is yours to fill in", buildpack: "binary", memory: "256M", command: true}
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
