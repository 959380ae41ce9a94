package reconcile

import (
	"context"
	"fmt"
	"strings"

	"wadi/nomad"
)

// stackImageFact is what the name of a stack's image stands for, stackMoved its
// change behind the same name, and stackPinned that nobody knew it before.
const (
	stackImageFact = "stack image"
	stackMoved     = "stack image moved"
	stackPinned    = "stack image pinned"
)

// pinStack finds out what the image of the app's stack is now, which staging
// and instances then run on. Where no registry says, what runs goes on; else
// nodes take what they have by that name: an image that was built there is in
// no registry at all.
func (r *Reconciler) pinStack(ctx context.Context, d desired, asked *registries, p *pinned, runs revisionRecord) error {
	image := d.Stack.Image
	if d.Stack.Driver != nomad.DriverDocker || digestOf(image) != "" {
		return nil // it has none, or is pinned in the files
	}
	meta, _, err := r.askImage(ctx, image, nil, asked)
	switch {
	case err == nil:
		p.StackImage = meta.Image
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	what := fmt.Sprintf("which image %s of stack %s is now: %v; ", image, d.StackName, err)
	if runs.StackImage != "" && runs.Facts["stack"] == d.describeStack() {
		p.StackImage = runs.StackImage
		what += fmt.Sprintf("taken as revision %d has it (%s)", runs.Number, shortImageDigest(digestOf(p.StackImage)))
	} else {
		what += "each node takes the one that it has by that name, or pulls it"
	}
	p.Unresolved = append(p.Unresolved, what)
	return nil
}

// stackImage is the reference that staging and instances run on.
func (p pinned) stackImage(d desired) string {
	if p.StackImage != "" {
		return p.StackImage
	}
	return d.Stack.Image
}

// stackFacts are those of a stack's image, none where it is not pinned.
func (p pinned) stackFacts() []fact {
	if p.StackImage == "" {
		return nil
	}
	digest := shortImageDigest(digestOf(p.StackImage))
	return []fact{{Name: stackImageFact, Value: digest, Shown: digest, App: true}}
}

// digestOf is the digest of a reference that has one.
func digestOf(reference string) string {
	_, digest, _ := strings.Cut(reference, "@")
	return digest
}
