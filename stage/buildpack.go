package stage

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"wadi/spec"
	"wadi/stage/lifecycle"
	"wadi/stage/remote"
)

// BuildpackPin is one buildpack, pinned to what it holds now.
type BuildpackPin struct {
	// Key is the name as the user wrote it, but an address is without user,
	// password and query, and a folder or archive inside the project is
	// "./…" however it was written, so that the key is the same on every
	// machine. It is the buildpack_key of the result.
	Key     string
	Name    string // short: the built-in's or declared name, or the folder's
	Builtin string // the built-in's name; "" = another
	// Digest tells what it holds: of folders and archives on the disk
	// Tree.Digest, of repositories the commit, of downloads the sha256; "" of
	// built-in ones, and where it could not be found out.
	Digest string
	Tree   *Tree // what to package; nil for a built-in, and for a remote one before Fetch
	// MaxBytes is what it may hold; 0 = any number.
	MaxBytes int64
	// Remote is set where it comes from a server.
	Remote *remote.Pin
	// Unreached says why the digest could not be found out; nil = it was.
	Unreached error
}

// Unknown says that nobody can tell what the buildpack holds.
func (p BuildpackPin) Unknown() bool { return p.Unreached != nil && p.Digest == "" }

// Changed says in words that a buildpack is no longer what it was.
func (p BuildpackPin) Changed() string {
	switch {
	case p.Remote == nil:
		return "buildpack " + p.Key + " has other content"
	case p.Remote.Address.Kind == remote.Archive:
		return "buildpack " + p.Key + " is another archive now"
	}
	if p.Remote.What == "" {
		return "buildpack " + p.Key + " moved"
	}
	return p.Remote.What + " of buildpack " + p.Key + " moved"
}

// Pinned is the pin with a digest that it had before, in place of the one
// that could not be found out.
func (p BuildpackPin) Pinned(digest string) BuildpackPin {
	at := *p.Remote
	at.Digest = digest
	p.Digest, p.Remote = digest, &at
	return p
}

// Buildpacks pins the buildpacks of a project's apps, and gets them.
type Buildpacks struct {
	Declared map[string]spec.Buildpack
	Cache    string // ScanOptions.Cache
	Store    *remote.Store
}

// NewBuildpacks keeps what it gets below the folder cache ("" = it can get
// nothing that has to be kept).
func NewBuildpacks(declared map[string]spec.Buildpack, cache string) *Buildpacks {
	store := &remote.Store{}
	if cache != "" {
		store.Dir = filepath.Join(cache, "buildpacks")
	}
	return &Buildpacks{Declared: declared, Cache: cache, Store: store}
}

// BuildpackNames are the buildpacks of one app as its files have them.
type BuildpackNames struct {
	Names []string // none = detection
	// Sensitive are the indexes of names that came out of sensitive
	// variables: of an address no more than the host is shown.
	Sensitive map[int]bool
	Dir       string // the project's folder, where relative folders start
	Stack     string
	MaxBytes  int64 // what each may hold: the disk of the staging
}

// Pin pins an app's buildpacks in their order. A name is, in this order, a
// declared one of the app's stack, a built-in (both also with "_buildpack" at
// the end), an address (remote.Parse), or a folder or archive ("./x", "../x",
// "/x"). No names mean detection, see detectOrder. Servers are asked in
// parallel; those that cannot be reached are told in the pins. Errors:
// PinErrors of *UnknownBuildpackError, *MalformedBuildpackError,
// *BuildpackError, remote's, and those of Scan.
func (b *Buildpacks) Pin(ctx context.Context, app BuildpackNames) ([]BuildpackPin, error) {
	names := app.Names
	if len(names) == 0 {
		names = b.detectOrder(app.Stack)
	}
	dir, err := filepath.Abs(app.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot find the project's folder: %w", err)
	}
	app.Dir = dir
	pins, errs := make([]BuildpackPin, len(names)), make([]error, len(names))
	var asking sync.WaitGroup
	for i, name := range names {
		asking.Go(func() { pins[i], errs[i] = b.pin(ctx, name, app, app.Sensitive[i]) })
	}
	asking.Wait()
	var wrong PinErrors
	for i, err := range errs {
		if err != nil {
			wrong = append(wrong, PinError{Index: i, Err: err})
		}
	}
	switch {
	case len(wrong) == 0:
		return pins, distinct(pins)
	case ctx.Err() != nil: // the others say no more than this one
		return nil, wrong[0]
	}
	return nil, wrong
}

// distinct refuses two buildpacks of one key: the key names their folders.
func distinct(pins []BuildpackPin) error {
	digests := map[string]string{}
	for _, p := range pins {
		if other, ok := digests[p.Key]; ok && other != p.Digest {
			return &BuildpackError{Name: p.Key, Reason: "two different buildpacks are shown by this name: give them names with buildpack blocks"}
		}
		digests[p.Key] = p.Digest
	}
	return nil
}

func (b *Buildpacks) pin(ctx context.Context, name string, app BuildpackNames, sensitive bool) (BuildpackPin, error) {
	d, declared, err := b.declared(name, app.Stack)
	short := strings.TrimSuffix(name, "_buildpack")
	switch {
	case err != nil:
		return BuildpackPin{}, err
	case declared && remote.IsAddress(d.Source):
		return b.pinRemote(ctx, BuildpackPin{Key: name, Name: d.Name, MaxBytes: app.MaxBytes}, d.Source, d.SHA256, d.Sensitive)
	case declared:
		return b.pinLocal(ctx, BuildpackPin{Key: name, Name: d.Name, MaxBytes: app.MaxBytes}, absolute(app.Dir, d.Source), d.SHA256)
	case slices.Contains(lifecycle.Builtins(), short):
		return BuildpackPin{Key: name, Name: short, Builtin: short}, nil
	case remote.IsAddress(name):
		return b.pinRemote(ctx, BuildpackPin{MaxBytes: app.MaxBytes}, name, "", sensitive)
	case isFolder(name):
		path := absolute(app.Dir, name)
		return b.pinLocal(ctx, BuildpackPin{Key: folderKey(app.Dir, path), Name: filepath.Base(path), MaxBytes: app.MaxBytes}, path, "")
	}
	return BuildpackPin{}, unknown(name, b.Declared)
}

// named says of which buildpack an error is. One that is named by its address
// has that in the error already.
func named(pin BuildpackPin, err error) error {
	if pin.Key == "" || pin.Remote != nil && pin.Key == pin.Remote.Address.Shown {
		return fmt.Errorf("buildpack %w", err)
	}
	return fmt.Errorf("buildpack %s: %w", pin.Key, err)
}

// scan makes the tree of a buildpack that the store unpacked; from is where
// it comes from.
func (b *Buildpacks) scan(ctx context.Context, pin BuildpackPin, dir, from string) (*Tree, error) {
	root, err := buildpackRoot(dir)
	if err != nil {
		return nil, named(pin, err)
	}
	if root == "" {
		return nil, &MalformedBuildpackError{Name: pin.Key, Folder: from,
			Reason: "it has no folder bin, nor a single folder that has one: it is no buildpack, or one that has to be built first"}
	}
	tree, err := Scan(ctx, root, ScanOptions{Cache: b.Cache, MaxBytes: pin.MaxBytes})
	if err != nil {
		return nil, named(pin, err)
	}
	return tree, nil
}
