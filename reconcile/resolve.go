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
}

// Staging gets at least this much, as in Cloud Foundry.
const (
	minStagingMemoryMB = 1024
	minStagingDiskMB   = 4096
)

// resolve reads the app's source and its buildpacks. It changes nothing.
func (r *Reconciler) resolve(ctx context.Context, d desired, doc *spec.Document, salt []byte, who identity) (pinned, error) {
	if d.App.Path == "" {
		return pinned{}, fmt.Errorf("app %q has no path", d.App.Name)
	}
	tree, err := stage.Scan(ctx, d.App.Path, stage.ScanOptions{Ignore: true, Exclude: doc.Files, Cache: r.Options.CacheDir})
	var noZip *stage.NotZipError
	var badZip *stage.ZipError
	if errors.As(err, &noZip) || errors.As(err, &badZip) {
		return pinned{}, spec.Diagnostics{at(d.App, "path", spec.SeverityError, fmt.Sprintf("app %q: %v", d.App.Name, err), "")}
	}
	if err != nil {
		return pinned{}, fmt.Errorf("app %q: %w", d.App.Name, err)
	}
	packs, err := stage.ResolveBuildpacks(ctx, d.App.Buildpacks, doc.Buildpacks, projectDir(d.App), r.Options.CacheDir)
	if err != nil {
		return pinned{}, spec.Diagnostics{at(d.App, "buildpacks", spec.SeverityError, fmt.Sprintf("app %q: %v", d.App.Name, err), "")}
	}
	p := pinned{
		Tree: tree, Package: tree.Digest, Buildpacks: packs, SkipDetect: len(d.App.Buildpacks) > 0,
		MemoryMB: max(minStagingMemoryMB, *d.Processes[0].MemoryMB),
		DiskMB:   max(minStagingDiskMB, *d.Processes[0].DiskMB),
	}
	p.StagingKey = stage.KeyInput{
		LifecycleVersion: lifecycle.Version, OS: "linux", Arch: runtime.GOARCH, Stack: d.StackName, StackDigest: d.Stack.Image,
		Package: p.Package, Buildpacks: packs, SkipDetect: p.SkipDetect, MemoryMB: p.MemoryMB,
		Env: d.App.Env, VCAPApplication: who.vcapForStaging(p.MemoryMB, p.DiskMB), VCAPServices: servicesKey(services(d.App, d.Bindings), d.Bindings),
		Salt: salt,
	}.Key()
	return p, nil
}

// projectDir is the folder of the file that describes the app.
func projectDir(app spec.App) string {
	if app.Pos.File != "" {
		return filepath.Dir(app.Pos.File)
	}
	return app.Path
}

// describeBuildpacks words the buildpacks: the names, folders with what they
// hold.
func (p pinned) describeBuildpacks() string {
	var names []string
	for _, b := range p.Buildpacks {
		name := b.Key
		if b.Digest != "" {
			name += "@" + shortDigest(b.Digest)
		}
		names = append(names, name)
	}
	text := strings.Join(names, ", ")
	if !p.SkipDetect {
		return "detect: " + text
	}
	return text
}
