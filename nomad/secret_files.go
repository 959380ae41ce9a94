package nomad

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/nomad/api"
)

// secretTemplate writes one key of a Variable, byte for byte, to a file that
// only the task's user reads. It renders once: a key that is pruned later
// must not reach into a running instance.
func secretTemplate(path, key, file string) *api.Template {
	return &api.Template{
		EmbeddedTmpl:  new(fmt.Sprintf(`{{ with nomadVar %q }}{{ index . %q }}{{ end }}`, path, key)),
		DestPath:      new(file),
		ChangeMode:    new("noop"),
		Once:          new(true),
		ErrMissingKey: new(true),
		Perms:         new("0400"),
	}
}

func credentialTemplates(all []Credentials) []*api.Template {
	var templates []*api.Template
	for _, c := range all {
		t := secretTemplate(c.Path, "", "secrets/"+c.File)
		t.EmbeddedTmpl = new(fmt.Sprintf(`{{ with nomadVar %q }}{{ . | toJSON }}{{ end }}`, c.Path))
		templates = append(templates, t)
	}
	return templates
}

// variableTemplate takes apart what secretTemplate and credentialTemplates
// make: the Variable's path and, of the former, the key.
var variableTemplate = regexp.MustCompile(`^\{\{ with nomadVar ("[^"]+") \}\}\{\{ (?:index \. ("[^"]+")|\. \| toJSON) \}\}\{\{ end \}\}$`)

// SecretFiles is what instances of a group are told: of the app's Variable
// the key by file name below secrets/, and other Variables.
func SecretFiles(group *api.TaskGroup) (keys map[string]string, credentials []Credentials) {
	keys = map[string]string{}
	for _, task := range group.Tasks {
		for _, tmpl := range task.Templates {
			if tmpl.EmbeddedTmpl == nil || tmpl.DestPath == nil {
				continue
			}
			m := variableTemplate.FindStringSubmatch(*tmpl.EmbeddedTmpl)
			file, secret := strings.CutPrefix(*tmpl.DestPath, "secrets/")
			if m == nil || !secret {
				continue
			}
			if key, err := strconv.Unquote(m[2]); err == nil {
				keys[file] = key
			} else if path, err := strconv.Unquote(m[1]); err == nil {
				credentials = append(credentials, Credentials{Path: path, File: file})
			}
		}
	}
	return keys, credentials
}
