package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/spf13/viper"
)

// configName is the configuration file in a project's folder. It comes with
// the repository, so it is not trusted: it cannot say which Nomad is used
// and with what rights.
const configName = ".wadi.yaml"

// projectVars are the variables that a configuration file sets. They are not
// settings like the others: what a flag or the environment sets beside them is
// added, and comes first.
type projectVars struct{ vars, files []string }

// readConfigFile merges dir's configuration file into v; none is fine.
func readConfigFile(v *viper.Viper, dir string) (projectVars, error) {
	var vars projectVars
	path := filepath.Join(dir, configName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return vars, nil
	}
	if err != nil {
		return vars, fmt.Errorf("read the configuration: %w", err)
	}
	file := viper.New()
	file.SetConfigType("yaml")
	if err := file.ReadConfig(bytes.NewReader(text)); err != nil {
		return vars, withHint(fmt.Errorf("read the configuration %s: %w", path, err), "it is a YAML map of settings, such as `domain: example.com`")
	}
	values := map[string]any{}
	for _, key := range file.AllKeys() {
		name := strings.ReplaceAll(key, "-", "_")
		if err := mayBeInFile(path, key, name); err != nil {
			return vars, err
		}
		switch name {
		case keyVar:
			vars.vars = file.GetStringSlice(key)
		case keyVarsFile:
			if vars.files, err = insideFolder(dir, path, file.Get(key)); err != nil {
				return vars, err
			}
		default:
			values[name] = file.Get(key)
		}
	}
	v.SetConfigFile(path)
	return vars, v.MergeConfigMap(values)
}

// mayBeInFile refuses keys that are unknown or not the repository's to set.
func mayBeInFile(path, key, name string) error {
	err := fmt.Errorf("%s: the key %q is not allowed here", path, key)
	if s := settingOf(name); s != nil {
		if s.inFile {
			return nil
		}
		return withHint(err, "it is for whoever runs wadi to say: --%s or %s", flagName(name), envName(name))
	}
	if aboutNomad(name) {
		return withHint(err, "which Nomad is used, and with what rights, is not up to the files being applied: set NOMAD_ADDR, NOMAD_TOKEN, NOMAD_CACERT, … in your environment")
	}
	var known []string
	for _, s := range settingsTable {
		if s.inFile {
			known = append(known, s.key)
		}
	}
	slices.Sort(known)
	near := slices.MinFunc(known, func(a, b string) int {
		return levenshtein.Distance(name, a, nil) - levenshtein.Distance(name, b, nil)
	})
	err = fmt.Errorf("%s: unknown key %q", path, key)
	if levenshtein.Distance(name, near, nil) <= 2 {
		return withHint(err, "did you mean %q?", near)
	}
	return withHint(err, "the keys are: %s", strings.Join(known, ", "))
}

// aboutNomad recognises a try to set Nomad's address, token or certificates,
// under Nomad's own names or plausible others.
func aboutNomad(name string) bool {
	for _, prefix := range []string{"nomad", "addr", "token", "secret", "tls", "cacert", "ca_cert", "capath", "ca_path", "client_", "cert", "http_auth", "skip_verify", "region"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// insideFolder makes the file's own variable files absolute, and refuses any
// that is outside of the project.
func insideFolder(dir, path string, value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var out []string
	for _, item := range list {
		name := fmt.Sprint(item)
		target, err := filepath.EvalSymlinks(filepath.Join(real, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: vars_file %s: %w", path, name, err)
		}
		rel, relErr := filepath.Rel(real, target)
		if !filepath.IsLocal(name) || err == nil && (relErr != nil || !filepath.IsLocal(rel)) {
			return nil, withHint(fmt.Errorf("%s: vars_file %q is outside of the project", path, name), "name it on the command line: --vars-file")
		}
		out = append(out, filepath.Join(dir, name))
	}
	return out, nil
}
