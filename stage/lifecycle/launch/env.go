package launch

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Path is the PATH of apps and buildpacks; the app's own env may replace it.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Env completes the environment of an instance whose app lies in dir
// (absolute), as buildpackapplifecycle/env does: HOME, TMPDIR, DEPS_DIR, the
// instance's part of VCAP_APPLICATION, DATABASE_URL. The result is sorted.
func Env(environ []string, dir string) []string {
	env := map[string]string{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	delete(env, "VCAP_PLATFORM_OPTIONS")
	env["HOME"] = dir
	env["TMPDIR"] = filepath.Join(dir, "..", "tmp")
	env["DEPS_DIR"] = filepath.Join(dir, "..", "deps")
	return ImageEnv(env)
}

// ImageEnv completes the environment of an instance of an image, as
// dockerapplifecycle's launcher does: the instance's part of
// VCAP_APPLICATION, DATABASE_URL. It changes env.
func ImageEnv(env map[string]string) []string {
	if vcap, ok := completeVCAPApplication(env); ok {
		env["VCAP_APPLICATION"] = vcap
	}
	if uri := DatabaseURL(env["VCAP_SERVICES"]); uri != "" {
		env["DATABASE_URL"] = uri
	}
	return Environ(env)
}

// Environ is env as the kernel takes it, sorted.
func Environ(env map[string]string) []string {
	environ := make([]string, 0, len(env))
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	slices.Sort(environ)
	return environ
}

// completeVCAPApplication adds what is known in the instance alone. Not a
// JSON object: it stays as it is.
func completeVCAPApplication(env map[string]string) (string, bool) {
	text := env["VCAP_APPLICATION"]
	if !json.Valid([]byte(text)) {
		return "", false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // big ones stay as they are
	var vcap map[string]any
	if decoder.Decode(&vcap) != nil || vcap == nil {
		return "", false
	}
	vcap["host"] = "0.0.0.0"
	vcap["instance_id"] = env["INSTANCE_GUID"]
	if port, err := strconv.Atoi(env["PORT"]); err == nil {
		vcap["port"] = port
	}
	if index, err := strconv.Atoi(env["INSTANCE_INDEX"]); err == nil {
		vcap["instance_index"] = index
	}
	out, err := json.Marshal(vcap)
	return string(out), err == nil
}

// databaseSchemes are the schemes of credentials that make a DATABASE_URL,
// and what Ruby's drivers call them.
var databaseSchemes = map[string]string{
	"mysql":      "mysql2",
	"mysql2":     "mysql2",
	"postgres":   "postgres",
	"postgresql": "postgres",
}

// DatabaseURL is the first credentials.uri of a relational database in
// VCAP_SERVICES (labels in order), "" if there is none or the JSON is broken.
func DatabaseURL(vcapServices string) string {
	var services map[string][]struct {
		Credentials json.RawMessage `json:"credentials"`
	}
	if json.Unmarshal([]byte(vcapServices), &services) != nil {
		return ""
	}
	labels := make([]string, 0, len(services))
	for label := range services {
		labels = append(labels, label)
	}
	slices.Sort(labels)
	for _, label := range labels {
		for _, instance := range services[label] {
			var credentials struct {
				URI string `json:"uri"`
			}
			if json.Unmarshal(instance.Credentials, &credentials) != nil {
				continue // credentials of another shape: not a database's
			}
			uri, err := url.Parse(credentials.URI)
			if err != nil {
				continue
			}
			if scheme := databaseSchemes[uri.Scheme]; scheme != "" {
				uri.Scheme = scheme
				return uri.String()
			}
		}
	}
	return ""
}
