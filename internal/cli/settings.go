package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Keys of the settings: in .wadi.yaml as they are, as flags with "-" for "_",
// in the environment as WADI_ and upper case.
const (
	keyApp           = "app"
	keyVar           = "var"
	keyVarsFile      = "vars_file"
	keySpace         = "space"
	keyProject       = "project"
	keyJSON          = "json"
	keyNoColor       = "no_color"
	keyParallelism   = "parallelism"
	keyAutoApprove   = "auto_approve"
	keyDetailed      = "detailed_exitcode"
	keyPrune         = "prune"
	keyAdopt         = "adopt"
	keyRestage       = "restage"
	keyResetCount    = "reset_count"
	keyDomain        = "domain"
	keyAllowRawExec  = "allow_raw_exec"
	keyAllowRoot     = "allow_root"
	keyInsecure      = "insecure_registries"
	keyPlatformSpace = "platform_space"
	keyStagingLimit  = "staging_timeout"
)

// setting is one thing that can be configured.
type setting struct {
	key     string
	initial any // bool, int, string or []string: its kind and what it is if nobody says anything
	usage   string
	// inFile allows it in .wadi.yaml. What overrides a safeguard or belongs
	// to one call only is the caller's to say, not the repository's.
	inFile bool
}

var settingsTable = []setting{
	{keyApp, []string(nil), "select apps by `name`, or name a single nameless one; may be repeated", false},
	{keyVar, []string(nil), "set a variable, `name=value`; may be repeated (also WADI_VAR_name=value)", true},
	{keyVarsFile, []string(nil), "read variables from a YAML `file`; may be repeated", true},
	{keySpace, "", "the space, a Nomad `namespace` (default $NOMAD_NAMESPACE, else default)", true},
	{keyProject, "", "the project's `name` where the files give none", true},
	{keyJSON, false, "print JSON", false},
	{keyNoColor, false, "print without colours", true},
	{keyParallelism, 4, "how many `apps` are worked on at a time", true},
	{keyAutoApprove, false, "do not ask", false},
	{keyDetailed, false, "exit 2 if there are changes", false},
	{keyPrune, false, "stop apps that left the files although the project has no name", true},
	{keyAdopt, false, "take over jobs of the same name that are not wadi's (replaces their instances)", false},
	{keyRestage, false, "stage again although the result is known", false},
	{keyResetCount, false, "set instances that the files leave open back to the default", true},
	{keyDomain, "localhost", "the `domain` of default routes", true},
	{keyAllowRawExec, false, "allow the driver raw_exec on a Nomad that is not on this machine", false},
	{keyAllowRoot, true, "allow processes of Docker images to be root in their containers", false},
	{keyInsecure, []string(nil), "ask this `registry` (host or host:port) without encryption or proof; may be repeated", false},
	{keyStagingLimit, "15m", "how long a staging may `take`, with the wait for a node and its downloads", true},
	{keyPlatformSpace, "default", "the `space` where the platform's jobs live", true},
}

// settings are the configuration of one run: flag, else environment, else
// .wadi.yaml, else the default.
type settings struct {
	Dir     string   // the working directory
	Project string   // the folder of .wadi.yaml: of the first PATH, else Dir
	Paths   []string // as given

	Apps, Vars, VarsFiles                []string
	ProjectVars                          projectVars // of .wadi.yaml
	Space, ProjectName, Domain           string
	PlatformSpace                        string
	JSON, NoColor, AutoApprove, Detailed bool
	Prune, Adopt, Restage, ResetCount    bool
	AllowRawExec, AllowRoot              bool
	InsecureRegistries                   []string
	DockerPassword                       string // as for cf: CF_DOCKER_PASSWORD, nowhere else
	Parallelism                          int
	StagingTimeout                       time.Duration

	GitHub github
}

// addFlags adds the flags of the given settings to a command.
func addFlags(cmd *cobra.Command, keys ...string) {
	for _, key := range keys {
		s := settingOf(key)
		name := flagName(key)
		switch initial := s.initial.(type) {
		case bool:
			cmd.Flags().Bool(name, initial, s.usage)
		case int:
			cmd.Flags().Int(name, initial, s.usage)
		case string:
			cmd.Flags().String(name, initial, s.usage)
		case []string:
			cmd.Flags().StringArray(name, initial, s.usage)
		}
	}
}

func settingOf(key string) *setting {
	for i := range settingsTable {
		if settingsTable[i].key == key {
			return &settingsTable[i]
		}
	}
	return nil
}

func flagName(key string) string { return strings.ReplaceAll(key, "_", "-") }

func envName(key string) string { return "WADI_" + strings.ToUpper(key) }

// loadSettings reads the configuration of a command that works on paths.
func loadSettings(cmd *cobra.Command, paths []string) (settings, error) {
	dir, err := os.Getwd()
	if err != nil {
		return settings{}, fmt.Errorf("find the working directory: %w", err)
	}
	s := settings{Dir: dir, Project: projectDir(dir, paths), Paths: paths, GitHub: githubFrom(os.Getenv, dir), DockerPassword: os.Getenv("CF_DOCKER_PASSWORD")}
	v := viper.New()
	if s.ProjectVars, err = readConfigFile(v, s.Project); err != nil {
		return settings{}, err
	}
	for _, item := range settingsTable {
		v.SetDefault(item.key, item.initial)
		// WADI_VAR_name is how variables are set there
		if item.key != keyVar {
			if err := v.BindEnv(item.key, envName(item.key)); err != nil {
				return settings{}, err
			}
		}
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if key := strings.ReplaceAll(f.Name, "-", "_"); settingOf(key) != nil && err == nil {
			err = v.BindPFlag(key, f)
		}
	})
	if err != nil {
		return settings{}, err
	}
	return s, s.fill(v)
}

// fill takes the values out of viper, refusing what has the wrong kind.
func (s *settings) fill(v *viper.Viper) error {
	for key, to := range map[string]*bool{
		keyJSON: &s.JSON, keyNoColor: &s.NoColor, keyAutoApprove: &s.AutoApprove, keyDetailed: &s.Detailed,
		keyPrune: &s.Prune, keyAdopt: &s.Adopt, keyRestage: &s.Restage, keyResetCount: &s.ResetCount,
		keyAllowRawExec: &s.AllowRawExec, keyAllowRoot: &s.AllowRoot,
	} {
		value, err := strconv.ParseBool(fmt.Sprint(v.Get(key)))
		if err != nil {
			return kindError(v, key, "true or false")
		}
		*to = value
	}
	for key, to := range map[string]*string{
		keySpace: &s.Space, keyProject: &s.ProjectName, keyDomain: &s.Domain, keyPlatformSpace: &s.PlatformSpace,
	} {
		*to = v.GetString(key)
	}
	n, err := strconv.Atoi(fmt.Sprint(v.Get(keyParallelism)))
	if err != nil || n < 1 {
		return kindError(v, keyParallelism, "a number of apps, at least 1")
	}
	s.Parallelism = n
	s.StagingTimeout, err = time.ParseDuration(v.GetString(keyStagingLimit))
	if err != nil || s.StagingTimeout < time.Second {
		return kindError(v, keyStagingLimit, "a time of at least a second, as 20m or 1h30m")
	}
	s.Apps = listOf(v, keyApp, ",")
	s.VarsFiles = listOf(v, keyVarsFile, string(os.PathListSeparator))
	s.Vars = v.GetStringSlice(keyVar)
	s.InsecureRegistries = listOf(v, keyInsecure, ",")
	return nil
}

// listOf is a list; from the environment it comes as one text.
func listOf(v *viper.Viper, key, separator string) []string {
	text, ok := v.Get(key).(string)
	if !ok {
		return v.GetStringSlice(key)
	}
	var out []string
	for part := range strings.SplitSeq(text, separator) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func kindError(v *viper.Viper, key, want string) error {
	from := "--" + flagName(key)
	switch {
	case os.Getenv(envName(key)) != "":
		from = envName(key)
	case v.InConfig(key):
		from = key + " in " + v.ConfigFileUsed()
	}
	return withHint(fmt.Errorf("%s is %q", from, fmt.Sprint(v.Get(key))), "give %s", want)
}

// projectDir is the folder whose .wadi.yaml counts.
func projectDir(dir string, paths []string) string {
	if len(paths) == 0 {
		return dir
	}
	path := paths[0]
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return filepath.Dir(path)
	}
	return path
}
