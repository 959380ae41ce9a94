package reconcile

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"wadi/nomad"
	"wadi/spec"
	"wadi/stage"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/inspect"
)

// Staging an image needs little: it fetches no layers.
const (
	imageStagingMemoryMB = 128
	imageStagingDiskMB   = 256 // of which Nomad's own log takes a part
)

// imageField is where an app names its image.
const imageField = "docker.image"

// tagMoved is the change of an image behind the same name.
const tagMoved = "image tag moved"

// imageStack says where an app of an image runs: where its stack's
// containers do, if it names such a stack.
func imageStack(app spec.App, o Options) spec.Stack {
	stack := o.Stacks[app.Stack]
	if stack.Driver != nomad.DriverDocker {
		return spec.Stack{Driver: nomad.DriverDocker}
	}
	return stack
}

// imageStaging is the stack on which an app's image is asked for: the one
// that it names, else the default.
func imageStaging(app spec.App, initial spec.Stack, o Options) *spec.Stack {
	stack, ok := o.Stacks[app.Stack]
	if !ok {
		stack = initial
	}
	if stack.Driver == nomad.DriverRawExec && !o.RawExec || stack.Driver == nomad.DriverDocker && !nomad.IsImage(stack.Image) {
		return nil
	}
	return &stack
}

// resolveImage asks the registry what the app's image is now. Where it does
// not answer, what runs goes on; else staging has to ask: the registry may
// well answer the nodes.
func (r *Reconciler) resolveImage(ctx context.Context, d desired, asked *registries, runs revisionRecord) (pinned, error) {
	p := pinned{MemoryMB: imageStagingMemoryMB, DiskMB: imageStagingDiskMB}
	reference := d.App.Docker.Image
	if err := r.checkLogin(ctx, d); err != nil {
		return p, err
	}
	meta, login, err := r.askRegistry(ctx, d, asked)
	if p.Login = login; err == nil {
		p.Image, reference = &meta, meta.Image
	}
	p.StagingKey = stage.ImageKey(lifecycle.Version, runtime.GOARCH, reference)
	switch {
	case ctx.Err() != nil:
		return p, context.Cause(ctx)
	case err == nil:
		if diags := checkImage(d, meta); len(diags) > 0 {
			return p, diags
		}
	case !inspect.IsUnreachable(err) && !forTasks(d, err):
		return p, imageError(d, err)
	case runs.ImageMetadata != nil && runs.Facts[imageFact] == d.App.Docker.Image && !r.Options.Restage:
		p.Unresolved = []string{fmt.Sprintf("which image %s is now: %v; the one that runs is kept", d.App.Docker.Image, err)}
		p.keepImage(runs)
	case d.Staging == nil:
		return p, imageError(d, fmt.Errorf("%w, and nothing can ask it from a node: no stack is there for that", err))
	default:
		p.Unresolved = []string{fmt.Sprintf("which image %s is now: %v; staging asks from a node", d.App.Docker.Image, err)}
		p.Open = digestOf(d.App.Docker.Image) == ""
	}
	return p, nil
}

// forTasks says whether the registry wants a login that only tasks can read.
func forTasks(d desired, err error) bool {
	var known *inspect.Error
	return d.Login != nil && d.Login.Variable != "" && errors.As(err, &known) && known.Kind == inspect.Denied
}

// keepImage pins the image, and who pulls it, to what runs.
func (p *pinned) keepImage(runs revisionRecord) {
	p.Image, p.StagingKey = runs.ImageMetadata, runs.StagingKey
	if shown := runs.Facts[loginFact]; p.Login == nil && shown != "" {
		p.Login = &login{Shown: shown}
	}
}

// imageError is a registry's answer as an error at the place of the files.
func imageError(d desired, err error) error {
	detail := ""
	var known *inspect.Error
	if errors.As(err, &known) {
		detail = known.Hint()
	}
	return spec.Diagnostics{at(d.App, imageField, spec.SeverityError, fmt.Sprintf("app %q: %v", d.App.Name, err), detail)}
}

// observeImage finds out what is known of the app's image, where the plan
// could not ask, and whether it has to be staged. What runs was staged;
// where nothing can stage, the registry's answer to the plan is all there is.
func (r *Reconciler) observeImage(ctx context.Context, d desired, p *pinned, is *observed) {
	runs := is.runs()
	switch {
	case d.Staging == nil:
		is.Result = new(lifecycle.ImageResult(*p.Image))
	case !r.Options.Restage && p.Image != nil && runs.ImageMetadata != nil && runs.ImageMetadata.Image == p.Image.Image:
		is.Result, is.Generation = new(lifecycle.ImageResult(*p.Image)), runs.Generation
	default:
		is.ask(ctx, r, p.StagingKey)
		if p.Open {
			is.Result = nil // it tells what the tag was
		}
		if p.Image == nil && is.Result != nil {
			p.Image = is.Result.Image
		}
	}
}

// imageReason says why an image has to be staged.
func (c comparison) imageReason() string {
	if runs, known := c.current(); known && runs.ImageMetadata != nil && runs.Facts[imageFact] == c.Want.App.Docker.Image {
		return tagMoved
	}
	return "this image was not staged before"
}

// agreed is an error unless staging found the image that the plan speaks of.
// Where the plan could not tell, it is known from now on.
func (w *work) agreed(found *lifecycle.ImageMetadata) error {
	switch planned := w.want.Image; {
	case found == nil:
		return errors.New("staging found no image: this wadi and this lifecycle do not belong together")
	case planned == nil:
		w.want.Image = found
		if diags := checkImage(w.want, *found); len(diags) > 0 {
			return diags
		}
	case planned.Image != found.Image:
		return fmt.Errorf("the plan was made for the image %s, and staging found %s: plan again", planned.Image, found.Image)
	}
	return nil
}

// checkImage finds what the image cannot do for the app.
func checkImage(d desired, meta lifecycle.ImageMetadata) spec.Diagnostics {
	var diags spec.Diagnostics
	for _, p := range d.Processes {
		if *p.Instances > 0 && p.Command.Text == "" && len(meta.Command()) == 0 {
			diags = append(diags, at(d.App, imageField, spec.SeverityError,
				fmt.Sprintf("app %q: no start command found or specified: the image %s has neither entrypoint nor cmd", d.App.Name, d.App.Docker.Image),
				"Give the process "+p.Type+" a `command`."))
		}
		user, field := meta.User, imageField
		if p.User != nil {
			user, field = *p.User, processField(d.App, p.Type, "user")
		}
		if d.NoRoot && isRoot(user) {
			diags = append(diags, at(d.App, field, spec.SeverityError,
				fmt.Sprintf("app %q: attempting to run process %s as root user, which is not permitted", d.App.Name, p.Type),
				"Name another user in the image (USER) or for the process (user), or allow it with --allow-root."))
		}
	}
	return diags
}

// rootUser is root by whatever group. Another name for root is only known in
// the container, where the supervisor refuses it.
var rootUser = regexp.MustCompile(`^(root|0+)?(:.*)?$`)

func isRoot(user string) bool { return rootUser.MatchString(user) }

// describeDigest words what the name of the image stands for.
func (d desired) describeDigest() string {
	if d.Image == nil {
		return afterStaging
	}
	return shortImageDigest(d.Image.Digest)
}

func shortImageDigest(digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return algorithm + ":" + shortDigest(hex)
}

// PortsText words the TCP ports of an app of an image, the first one its PORT.
func PortsText(ports []int) string {
	var words []string
	for i, port := range ports {
		text := strconv.Itoa(port)
		if i == 0 {
			text += " (PORT)"
		}
		words = append(words, text)
	}
	return strings.Join(words, ", ")
}

// describePorts words the ports where the image is known.
func describePorts(meta *lifecycle.ImageMetadata) string {
	switch {
	case meta == nil:
		return afterStaging
	case !meta.ExposesTCP():
		return fmt.Sprintf("%d (PORT; the image exposes none)", lifecycle.DefaultPort)
	}
	return PortsText(meta.TCPPorts())
}

// imageContainer is where the processes of an app of an image run.
func (d desired) imageContainer() nomad.Container {
	c := nomad.Container{Image: d.App.Docker.Image, NoRoot: d.NoRoot, Login: d.Login.key()}
	if d.Login != nil {
		c.LoginVariable = d.Login.Variable
	}
	if d.Image != nil {
		c.Image = d.Image.Image
	}
	return c
}

// ports are those of every process of an app of an image, the first one its
// PORT.
func (d desired) ports() []int {
	if d.Image == nil {
		return nil
	}
	return d.Image.TCPPorts()
}
