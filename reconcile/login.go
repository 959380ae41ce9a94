package reconcile

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"

	"wadi/nomad"
	"wadi/spec"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/inspect"
)

// login is with whose rights an app's image is pulled.
type login struct {
	// Shown is who, and where; also what tells the logins of an app apart.
	Shown    string
	Username string
	Password string // "" = what the app's Variables hold is kept
	// Fleeting is a password of Docker's own configuration: a credential
	// helper may make a new one each time, which is no change.
	Fleeting bool
	Masked   bool // the user's name came through a variable
	// Variable has the login in place of all this: only tasks read it.
	Variable string
}

// loginFile is what a staging finds of such a Variable in its secrets folder.
const loginFile = "registry.json"

func newLogin(image, username, password string) *login {
	host, err := inspect.Registry(image)
	if err != nil {
		host = image // the plan refuses it
	}
	return &login{Shown: username + " at " + host, Username: username, Password: password}
}

// loginOf is the login that the files ask for, with the password that came
// beside them.
func loginOf(app spec.App, o Options) (*login, spec.Diagnostics) {
	if path := app.Docker.LoginVariable; path != "" {
		l := newLogin(app.Docker.Image, "the one in the Nomad Variable "+path, "")
		l.Variable = path
		return l, nil
	}
	switch username, password := app.Docker.Username, cmp.Or(app.Docker.Password, o.DockerPassword); {
	case username == "":
		return nil, nil
	case password == "":
		return nil, spec.Diagnostics{at(app, "docker.username", spec.SeverityError,
			fmt.Sprintf("app %q: docker.username is %q, and the environment variable CF_DOCKER_PASSWORD is not set", app.Name, username),
			"Set it to the password of that user at the image's registry; in HCL it may also be `password` beside it, from a sensitive variable.")}
	default:
		l := newLogin(app.Docker.Image, username, password)
		l.Masked = app.Sensitive["docker.username"]
		return l, nil
	}
}

// key names a login in the job and its Variables. It says who, not how: a new
// password reaches the instances that are started next, and replaces none.
func (l *login) key() string {
	if l == nil || l.Variable != "" {
		return ""
	}
	sum := sha256.Sum256([]byte(l.Shown))
	return hex.EncodeToString(sum[:8])
}

// Names of the facts of an app of an image.
const (
	imageFact    = "image"
	digestFact   = "image digest"
	portsFact    = "ports"
	loginFact    = "registry login"
	passwordFact = "registry password"
	rootFact     = "root user"
)

func (l *login) facts(salt []byte) []fact {
	if l == nil {
		return nil
	}
	facts := []fact{{Name: loginFact, Value: l.Shown, Shown: l.Shown, App: true}}
	if l.Masked {
		facts[0].Value, facts[0].Shown = "#"+keyed(salt, []byte(l.Shown))[:16], "(sensitive)"
	}
	if l.Password != "" && !l.Fleeting {
		facts = append(facts, fact{passwordFact, "#" + keyed(salt, []byte(l.Password))[:16], "(sensitive)", false})
	}
	return facts
}

// inspection is how this app's registry is asked.
func (r *Reconciler) inspection(l *login) inspect.Options {
	o := inspect.Options{Arch: runtime.GOARCH, Insecure: r.Options.InsecureRegistries, Retry: planRetry}
	if l != nil && l.Variable == "" {
		o.Login = &inspect.Login{Username: l.Username, Password: l.Password}
	}
	return o
}

// askRegistry asks with the login of the files. Where they have none, it
// asks as anybody, and only if that is refused with what `docker login` left:
// nobody's own password goes along with an image that is for all.
func (r *Reconciler) askRegistry(ctx context.Context, d desired, asked *registries) (lifecycle.ImageMetadata, *login, error) {
	return r.askImage(ctx, d.App.Docker.Image, d.Login, asked)
}

func (r *Reconciler) askImage(ctx context.Context, image string, as *login, asked *registries) (lifecycle.ImageMetadata, *login, error) {
	meta, err := asked.ask(ctx, image, r.inspection(as))
	var known *inspect.Error
	given := as != nil && as.Variable == ""
	if given || !errors.As(err, &known) || known.Kind != inspect.Denied {
		return meta, as, err
	}
	found, e := inspect.DockerLogin(image)
	switch {
	case e != nil:
		return meta, as, fmt.Errorf("%w; %w", err, e)
	case found == nil:
		return meta, as, err
	}
	l := newLogin(image, found.Username, found.Password)
	l.Fleeting = true
	meta, err = asked.ask(ctx, image, r.inspection(l))
	if as != nil {
		l = as // ours is for the plan alone
	}
	return meta, l, err
}

// imageInput is what the staging of an image is told: neither env nor
// bindings, of which it needs none.
func (u *run) imageInput(in lifecycle.Staging) lifecycle.Staging {
	want := u.plan.work.want
	source := &lifecycle.ImageSource{Reference: want.imageContainer().Image, Insecure: u.r.Options.InsecureRegistries}
	if l := want.Login; l != nil && l.Variable != "" {
		source.LoginFile = loginFile
	} else if l != nil {
		source.Username, source.Password = l.Username, l.Password
	}
	return lifecycle.Staging{
		BlobURL: in.BlobURL, Space: in.Space, App: in.App, StagingKey: in.StagingKey, Generation: in.Generation, TimeoutS: in.TimeoutS,
		MemoryMB: in.MemoryMB, DiskMB: in.DiskMB, Image: source,
	}
}

// imageCredentials is the Variable that a staging reads the login from.
func imageCredentials(l *login) []nomad.Credentials {
	if l == nil || l.Variable == "" {
		return nil
	}
	return []nomad.Credentials{{Path: l.Variable, File: loginFile}}
}

// checkLogin finds a Variable that is not there: tasks would wait for it.
func (r *Reconciler) checkLogin(ctx context.Context, d desired) error {
	if d.Login == nil || d.Login.Variable == "" {
		return nil
	}
	path := d.Login.Variable
	index, err := r.Nomad.VariableIndex(ctx, path)
	if err != nil {
		return fmt.Errorf("app %q: %w", d.App.Name, err)
	}
	if index == 0 {
		return spec.Diagnostics{at(d.App, "docker.login_variable", spec.SeverityError,
			fmt.Sprintf("app %q: the login of its registry is in the Nomad Variable %s of space %s, which does not exist", d.App.Name, path, r.Nomad.Space),
			fmt.Sprintf("nomad var put -namespace %s %s username=… password=…", r.Nomad.Space, path))}
	}
	return nil
}

// writeLogins gives the nodes the login with which they pull the app's image,
// a Variable for each group that has tasks; those of groups that have left
// stay until the app goes.
func (u *run) writeLogins(ctx context.Context, used nomad.KeysInUse) error {
	w := u.plan.work
	var news map[string]string
	if l := w.want.Login; l != nil {
		if l.Password == "" {
			return nil // kept as it is
		}
		news = nomad.LoginItems(l.key(), l.Username, l.Password)
	}
	for _, p := range w.want.Processes {
		path := nomad.LoginPath(w.want.ID, p.Group)
		v, err := u.r.Nomad.ReadVariable(ctx, path)
		if err != nil {
			return err
		}
		if v.Index == 0 && news == nil {
			continue
		}
		if v.Items = nomad.KeepLogins(v.Items, news, used); len(v.Items) == 0 {
			err = u.r.Nomad.DeleteVariable(ctx, path)
		} else {
			_, err = u.r.Nomad.WriteVariable(ctx, path, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetLogins removes all logins of the app.
func (u *run) forgetLogins(ctx context.Context) error {
	paths, err := u.r.Nomad.ListVariables(ctx, nomad.LoginPath(u.plan.Job, ""))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := u.r.Nomad.DeleteVariable(ctx, path); err != nil {
			return err
		}
	}
	return nil
}
