package nomad

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"

	"github.com/hashicorp/nomad/api"
)

// The password with which a node pulls an image is in a Variable of the
// group's own. Nomad reads it for the docker driver alone (the task's
// `secret` block): it is in no job, file or environment of the task. The
// Variable cannot be the app's: a secret block reads all of one, and would
// choke on the keys there.

// LoginPath is the Variable of the login of a group's tasks.
func LoginPath(jobID, group string) string { return VariablePath(jobID) + "/" + group }

// LoginItems are a login as its Variable holds it. key ([a-z0-9]+) tells it
// from the logins of other versions of the job.
func LoginItems(key, username, password string) map[string]string {
	return map[string]string{usernameItem + key: quoted(username), passwordItem + key: quoted(password)}
}

const (
	usernameItem = "username_"
	passwordItem = "password_"
	// registrySecret is the name under which the job's text refers to it.
	registrySecret = "registry"
)

// quoted is a value that Nomad, which reads the Variable as lines of an
// environment file, takes byte for byte.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // of a text it cannot be
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// logIn lets the node pull the task's image with a login; path is where it is,
// unless the user has a Variable for it.
func logIn(task *api.Task, path string, c Container) {
	key := c.Login
	username, password := usernameItem+key, passwordItem+key
	switch {
	case c.LoginVariable != "":
		path, username, password = c.LoginVariable, "username", "password"
	case key == "":
		return
	}
	task.Secrets = []*api.Secret{{Name: registrySecret, Provider: "nomad", Path: path}}
	reference := func(item string) string { return "${secret." + registrySecret + "." + item + "}" }
	task.Config["auth"] = []map[string]any{{"username": reference(username), "password": reference(password)}}
}

var loginReference = regexp.MustCompile(`^\$\{secret\.` + registrySecret + `\.username(?:_([a-z0-9]+))?\}$`)

// loginOf reads back what logIn wrote: a key, or a Variable of the user's.
func loginOf(task *api.Task) (key, variable string) {
	auth := task.Config["auth"]
	if list, ok := auth.([]any); ok && len(list) > 0 { // as Nomad answers
		auth = list[0]
	} else if list, ok := auth.([]map[string]any); ok && len(list) > 0 {
		auth = list[0]
	}
	if fields, ok := auth.(map[string]any); ok {
		if text, ok := fields["username"].(string); ok {
			if m := loginReference.FindStringSubmatch(text); m != nil && m[1] != "" {
				return m[1], ""
			} else if m != nil && len(task.Secrets) > 0 {
				return "", task.Secrets[0].Path
			}
		}
	}
	return "", ""
}

// LoginKey is the key of the login of a job's tasks; "" = they have none.
func LoginKey(job *api.Job) string {
	for _, g := range job.TaskGroups {
		for _, t := range g.Tasks {
			if key, _ := loginOf(t); key != "" {
				return key
			}
		}
	}
	return ""
}

// KeepLogins are the items of a login's Variable with those of the key: the
// others stay for the versions of the job that still name them.
func KeepLogins(old, news map[string]string, used KeysInUse) map[string]string {
	items := map[string]string{}
	for item, value := range old {
		_, key, _ := strings.Cut(item, "_")
		if used.Logins[key] {
			items[item] = value
		}
	}
	maps.Copy(items, news)
	return items
}
