package staging

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/launch"
	"wadi/stage/lifecycle/proc"
	"wadi/stage/lifecycle/secrets"
)

// defaultTimeout is Cloud Foundry's, over everything that a staging does.
const defaultTimeout = 15 * time.Minute

// input is all that the task is told.
type input struct {
	lifecycle.Staging
	taskDir   string
	secrets   secrets.Dir
	container string     // lifecycle.ContainerVar
	user      *proc.User // of the buildpacks; nil = whoever the task is
}

func loadInput(getenv func(string) string) (input, error) {
	in := input{taskDir: getenv("NOMAD_TASK_DIR"), secrets: secrets.Dir(getenv("NOMAD_SECRETS_DIR")), container: getenv(lifecycle.ContainerVar), user: proc.TaskUser(getenv)}
	if in.taskDir == "" || in.secrets == "" {
		return in, errors.New("NOMAD_TASK_DIR and NOMAD_SECRETS_DIR have to be set: this command runs as a Nomad task")
	}
	if err := in.secrets.JSON(lifecycle.StagingFile, &in.Staging); err != nil {
		return in, err
	}
	if in.Image == nil && (in.Package == "" || len(in.Buildpacks) == 0) {
		return in, fmt.Errorf("%s names no image, and no package or no buildpack: this wadi and this lifecycle do not belong together", lifecycle.StagingFile)
	}
	if err := in.Resolve(in.secrets.Read); err != nil {
		return in, err
	}
	var err error
	in.taskDir, err = filepath.Abs(in.taskDir)
	return in, err
}

func (in *input) timeout() time.Duration {
	if in.TimeoutS > 0 {
		return time.Duration(in.TimeoutS) * time.Second
	}
	return defaultTimeout
}

// environment is what buildpacks see, in Cloud Foundry's order; nothing that
// is not in the staging key, so no address of the node either.
func (in *input) environment(home, tmp, bindings string) []string {
	env := map[string]string{
		"PATH": launch.Path, "USER": "vcap", "LANG": "en_US.UTF-8", "HOME": home, "TMPDIR": tmp,
	}
	maps.Copy(env, in.Env)
	env["CF_STACK"] = in.Stack
	env["VCAP_APPLICATION"] = lifecycle.Object(in.VCAPApplication)
	env["MEMORY_LIMIT"] = fmt.Sprintf("%dm", in.MemoryMB)
	maps.Copy(env, in.Services.Env(bindings))
	if uri := launch.DatabaseURL(env["VCAP_SERVICES"]); uri != "" {
		env["DATABASE_URL"] = uri
	}
	env["CF_INSTANCE_PORT"], env["CF_INSTANCE_ADDR"], env["CF_INSTANCE_PORTS"] = "", "", "[]"
	return launch.Environ(env)
}
