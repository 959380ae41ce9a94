package reconcile

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"wadi/spec"
	"wadi/stage"
	"wadi/stage/lifecycle"
)

// pinned is what the files name, pinned to what it is now.
type pinned struct {
	Tree       *stage.Tree
	Package    string // Tree.Digest
	Buildpacks []stage.BuildpackPin
	SkipDetect bool // buildpacks were named
	StagingKey string
	MemoryMB   int // of the staging task
	DiskMB     int
	// Unresolved says of which buildpacks or image it could not be found out
	// what they are now. Open: for one at least it is not known either what it
	// was, so nobody can tell whether it was staged, and StagingKey stands for
	// whatever it has been.
	Unresolved []string
	Open       bool
	// StackImage is what the image of the stack is now, with its digest; "" =
	// the stack has none, or nobody can tell.
	StackImage string
	// Image is what an app's image is now; nil for other apps, and where
	// only staging can tell.
	Image *lifecycle.ImageMetadata
	Login *login // with which the registry gives it; nil = to anybody
}

// Staging gets at least this much, as in Cloud Foundry.
const (
	minStagingMemoryMB = 1024
	minStagingDiskMB   = 4096
)

// stagingSize is the memory and the disk of a staging: the app's, if it has more.
func stagingSize(web process) (memoryMB, diskMB int) {
	return max(minStagingMemoryMB, *web.MemoryMB), max(minStagingDiskMB, *web.DiskMB)
}

// resolve reads the app's source and its buildpacks, or asks for its image. It
// changes nothing. runs is the revision that runs, if it is known.
func (r *Reconciler) resolve(ctx context.Context, d desired, of planning, who identity, runs revisionRecord) (pinned, error) {
	if d.App.Docker != nil {
		return r.resolveImage(ctx, d, of.registries, runs)
	}
	if d.App.Path == "" {
		return pinned{}, fmt.Errorf("app %q has no path", d.App.Name)
	}
	memoryMB, diskMB := stagingSize(d.Processes[0])
	tree, err := stage.Scan(ctx, d.App.Path, stage.ScanOptions{Ignore: true, Exclude: of.doc.Files, Cache: r.Options.CacheDir, MaxBytes: int64(diskMB) << 20})
	var noFiles *stage.NoFilesError
	var noZip *stage.NotZipError
	var badZip *stage.ZipError
	var tooBig *stage.TooBigError
	var tooDeep *stage.TooDeepError
	if errors.As(err, &noFiles) || errors.As(err, &noZip) || errors.As(err, &badZip) || errors.As(err, &tooBig) || errors.As(err, &tooDeep) {
		return pinned{}, spec.Diagnostics{at(d.App, "path", spec.SeverityError, fmt.Sprintf("app %q: %v", d.App.Name, err), "")}
	}
	if err != nil {
		return pinned{}, fmt.Errorf("app %q: %w", d.App.Name, err)
	}
	packs, err := of.buildpacks.Pin(ctx, buildpackNames(d))
	if err != nil && ctx.Err() != nil {
		return pinned{}, err
	}
	if err != nil {
		return pinned{}, wrongBuildpacks(d.App, err)
	}
	p := pinned{
		Tree: tree, Package: tree.Digest, Buildpacks: packs, SkipDetect: len(d.App.Buildpacks) > 0,
		MemoryMB: memoryMB, DiskMB: diskMB,
	}
	p.keep(runs, of.salt)
	if err := r.pinStack(ctx, d, of.registries, &p, runs); err != nil {
		return p, err
	}
	p.StagingKey = p.stagingKey(d, who, of.salt)
	return p, nil
}

// stagingKey stands for everything that the build of an app's source sees.
func (p pinned) stagingKey(d desired, who identity, salt []byte) string {
	return stage.KeyInput{
		LifecycleVersion: lifecycle.Version, OS: "linux", Arch: runtime.GOARCH, Stack: d.StackName, StackDigest: p.stackImage(d),
		Package: p.Package, Buildpacks: p.Buildpacks, SkipDetect: p.SkipDetect, MemoryMB: p.MemoryMB,
		Env: d.App.Env, VCAPApplication: who.vcapForStaging(p.MemoryMB, p.DiskMB), VCAPServices: servicesKey(services(d.App, d.Bindings), d.Bindings),
		Salt: salt,
	}.Key()
}

// buildpackNames are the app's buildpacks as its files have them.
func buildpackNames(d desired) stage.BuildpackNames {
	_, diskMB := stagingSize(d.Processes[0])
	return stage.BuildpackNames{
		Names: d.App.Buildpacks, Sensitive: sensitiveBuildpacks(d.App), Dir: projectDir(d.App), Stack: d.StackName, MaxBytes: int64(diskMB) << 20,
	}
}

// projectDir is the folder of the file that describes the app.
func projectDir(app spec.App) string {
	if app.Pos.File != "" {
		return filepath.Dir(app.Pos.File)
	}
	return app.Path
}

// sensitiveBuildpacks are the places of buildpacks that came out of variables
// whose values are not shown.
func sensitiveBuildpacks(app spec.App) map[int]bool {
	hidden := map[int]bool{}
	for i := range app.Buildpacks {
		if app.Sensitive["buildpacks"] || app.Sensitive[fmt.Sprintf("buildpacks[%d]", i)] {
			hidden[i] = true
		}
	}
	return hidden
}

// keep pins buildpacks that could not be reached to what the running revision
// was staged with, from the same address: an app can be scaled while the
// server of its buildpack is down.
func (p *pinned) keep(runs revisionRecord, salt []byte) {
	for i, b := range p.Buildpacks {
		if b.Unreached == nil {
			continue
		}
		text := b.Unreached.Error()
		if was := runs.Pins[pinKey(b, salt)]; was != "" {
			p.Buildpacks[i] = b.Pinned(was)
			text += fmt.Sprintf("; taken as revision %d has it (%s)", runs.Number, shortDigest(was))
		} else {
			p.Open = true
		}
		p.Unresolved = append(p.Unresolved, text)
	}
}

// pins are the digests of the buildpacks that lie on servers, for keep.
func (p pinned) pins(salt []byte) map[string]string {
	out := map[string]string{}
	for _, b := range p.Buildpacks {
		if b.Remote != nil && b.Digest != "" {
			out[pinKey(b, salt)] = b.Digest
		}
	}
	return out
}

// pinKey stands for a buildpack and its address, which may hold a secret.
func pinKey(b stage.BuildpackPin, salt []byte) string {
	return keyed(salt, mustJSON([]string{b.Key, b.Remote.Address.Identity()}))[:16]
}

// describeBuildpacks words the buildpacks: the names, those that are no
// built-in ones with what they hold.
func (p pinned) describeBuildpacks() string {
	var names []string
	for _, b := range p.Buildpacks {
		name := b.Key
		switch {
		case b.Digest != "":
			name += "@" + shortDigest(b.Digest)
		case b.Builtin == "":
			name += "@(unresolved)"
		}
		names = append(names, name)
	}
	text := strings.Join(names, ", ")
	if !p.SkipDetect {
		return "detect: " + text
	}
	return text
}

// buildpacksChanged says in words which buildpacks changed since they were
// described so; "" if others were named.
func (p pinned) buildpacksChanged(was string) string {
	was = strings.TrimPrefix(was, "detect: ")
	var changes []string
	for i, b := range p.Buildpacks {
		if i > 0 {
			var ok bool
			if was, ok = strings.CutPrefix(was, ", "); !ok {
				return ""
			}
		}
		rest, ok := strings.CutPrefix(was, b.Key)
		if !ok {
			return ""
		}
		before, is := "", shortDigest(b.Digest)
		if marked, at := strings.CutPrefix(rest, "@"); at && len(marked) >= len(is) {
			before, rest = marked[:len(is)], marked[len(is):]
		}
		if before != is {
			changes = append(changes, b.Changed())
		}
		was = rest
	}
	if was != "" {
		return ""
	}
	return strings.Join(changes, ", ")
}
