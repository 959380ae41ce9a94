package staging

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"wadi/internal/remove"
	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/proc"
)

// folders are those of one build.
type folders struct {
	root       string // of those that are the platform's; "" in a container
	app        string // the build folder
	contents   string // becomes the droplet
	buildpacks string
	cache      string
	bindings   string
	home, tmp  string // HOME and TMPDIR of the scripts
	// private is for proc.User.Private: what one staging left in the node's
	// /tmp could not be overwritten by the next. "" in a container.
	private string
}

// foldersOf are Cloud Foundry's where the task has a container, which is used
// once: buildpacks may have those paths in their scripts.
func foldersOf(taskDir, container string) folders {
	if container != "" {
		tmp := func(name string) string { return filepath.Join(lifecycle.ContainerTmp, name) }
		return folders{
			app: tmp("app"), contents: tmp("contents"), buildpacks: tmp("buildpacks"), cache: tmp("cache"),
			bindings: tmp("service-bindings"), home: lifecycle.ContainerHome, tmp: lifecycle.ContainerTmp,
		}
	}
	root := filepath.Join(taskDir, "staging")
	below := func(name string) string { return filepath.Join(root, name) }
	return folders{
		root: root, app: below("droplet/app"), contents: below("droplet"), buildpacks: below("buildpacks"), cache: below("cache"),
		bindings: below("service-bindings"), home: below("home"), tmp: below("tmp"), private: below("private"),
	}
}

// makeDirs makes the folders of the build anew. Those that buildpacks write
// to belong to the user they run as; the droplet's own does not, so that the
// metadata in it is ours.
func (t *task) makeDirs() error {
	platforms := []string{t.folders.contents, t.folders.buildpacks}
	scripts := []string{t.folders.app}
	if t.folders.root == "" {
		if err := proc.CleanContainer(t.user); err != nil {
			return err
		}
		// where /app leads in Cloud Foundry's images: some buildpacks build there
		scripts = append(scripts, filepath.Join(lifecycle.ContainerHome, "app"))
	} else {
		if err := remove.All(t.folders.root); err != nil {
			return fmt.Errorf("removing an earlier build: %w", err)
		}
		platforms = append([]string{t.folders.root}, platforms...)
		scripts = append(scripts, t.folders.home, t.folders.tmp)
	}
	for _, dir := range platforms {
		if err := makePlatformDir(dir); err != nil {
			return err
		}
	}
	if err := t.makeCache(); err != nil {
		return err
	}
	for _, dir := range scripts {
		if err := proc.MakeDir(dir, t.user); err != nil {
			return fmt.Errorf("making the folders of the build: %w", err)
		}
	}
	if err := proc.MakePrivate(t.user, t.folders.home); err != nil {
		return err
	}
	return proc.CheckTraversable(t.folders.contents, t.user)
}

func makePlatformDir(dir string) error {
	if err := proc.MakeDir(dir, nil); err != nil {
		return fmt.Errorf("making the folders of the build: %w", err)
	}
	return nil
}

// assemble puts the app into the droplet, if it was built elsewhere. Where
// that is a folder of everybody's, as in a container, buildpacks can put
// something else in its place.
func (f folders) assemble() error {
	info, err := os.Lstat(f.app)
	if err == nil && !info.IsDir() {
		err = errors.New("a buildpack has put something else in its place, which is no folder")
	}
	if err != nil {
		return fmt.Errorf("taking the app from %s: %w", f.app, err)
	}
	app := filepath.Join(f.contents, lifecycle.AppFolder)
	if f.app == app {
		return nil
	}
	if err := os.Rename(f.app, app); err != nil {
		return fmt.Errorf("putting the app into the droplet: %w", err)
	}
	return nil
}
