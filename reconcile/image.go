package reconcile

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strings"

	"wadi/nomad"
	"wadi/spec"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/inspect"
)

// dockerLifecycle is Cloud Foundry's name for apps of images.
const dockerLifecycle = "docker"

// resolveImage asks the registry what the app's image is now.
func (r *Reconciler) resolveImage(ctx context.Context, d desired) (pinned, error) {
	meta, err := inspect.Image(ctx, d.App.Docker.Image, inspect.Options{Arch: runtime.GOARCH})
	if err != nil {
		return pinned{}, spec.Diagnostics{at(d.App, "docker", spec.SeverityError, fmt.Sprintf("app %q: %v", d.App.Name, err), "")}
	}
	if diags := checkImage(d, meta); len(diags) > 0 {
		return pinned{}, diags
	}
	return pinned{Image: &meta}, nil
}

// checkImage finds what the image cannot do for the app.
func checkImage(d desired, meta lifecycle.ImageMetadata) spec.Diagnostics {
	var diags spec.Diagnostics
	for _, p := range d.Processes {
		if *p.Instances > 0 && p.Command.Text == "" && len(meta.Command()) == 0 {
			diags = append(diags, at(d.App, "docker", spec.SeverityError,
				fmt.Sprintf("app %q: no start command found or specified: the image %s has neither entrypoint nor cmd", d.App.Name, d.App.Docker.Image),
				"Give the process "+p.Type+" a `command`."))
		}
		user := meta.User
		if p.User != nil {
			user = *p.User
		}
		if d.NoRoot && isRoot(user) {
			diags = append(diags, at(d.App, "docker", spec.SeverityError,
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

// imageResult is the result of staging an image.
func imageResult(meta *lifecycle.ImageMetadata) *lifecycle.Result {
	return &lifecycle.Result{Image: meta, DropletMetadata: lifecycle.DropletMetadata{
		LifecycleType: dockerLifecycle, ProcessTypes: map[string]string{spec.WebProcess: strings.Join(meta.Command(), " ")},
	}}
}

// describeImage words what an app runs: the name in the files and what that
// is now.
func (d desired) describeImage() string {
	if d.Image == nil {
		return d.App.Docker.Image
	}
	return d.App.Docker.Image + " (" + shortImageDigest(d.Image.Digest) + ")"
}

func shortImageDigest(digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return algorithm + ":" + shortDigest(hex)
}

// imageContainer is where the processes of an app of an image run.
func (d desired) imageContainer() nomad.Container {
	if d.Image == nil {
		return nomad.Container{Image: d.App.Docker.Image}
	}
	return nomad.Container{Image: d.Image.Image}
}

// portsOf are the ports of a process of an image, the first one its PORT.
func (d desired) portsOf(p process) []int {
	if d.Image == nil || p.Type != spec.WebProcess {
		return nil
	}
	return d.Image.TCPPorts()
}

// imageOf is what the record keeps of an image; "" = there is a droplet.
func imageOf(result lifecycle.Result) string {
	if result.Image == nil {
		return ""
	}
	return result.Image.Image
}
