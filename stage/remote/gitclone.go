package remote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// errSlow ends a clone that does not come to an end.
var errSlow = &silence{"not done within 15 minutes"}

// clone puts the files of a commit, and of its submodules, into dir.
func (s *Store) clone(ctx context.Context, pin Pin, dir string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 15*time.Minute, errSlow)
	defer cancel()
	g := git{address: pin.Address, dir: dir}
	// The remote has to have its name: addresses of submodules are relative to it.
	for _, command := range [][]string{{"init", "--quiet", "--template="}, {"remote", "add", "origin", pin.Address.url}} {
		if _, err := g.run(ctx, command...); err != nil {
			return err
		}
	}
	if _, err := again(ctx, s, func() (any, error) { return nil, g.fetch(ctx, pin.Digest) }); err != nil {
		return unlessSlow(pin, err)
	}
	if _, err := g.run(ctx, "checkout", "--quiet", "--detach", pin.Digest); err != nil {
		return fmt.Errorf("%s: %w", pin.Address.Shown, err)
	}
	if _, err := again(ctx, s, func() (any, error) { return nil, g.submodules(ctx) }); err != nil {
		return unlessSlow(pin, err)
	}
	return os.RemoveAll(filepath.Join(dir, ".git"))
}

// unlessSlow says of which source it is that it took too long.
func unlessSlow(pin Pin, err error) error {
	if errors.Is(err, errSlow) {
		return &UnreachableError{Shown: pin.Address.Shown, Err: err}
	}
	return err
}

// fetch gets one commit: alone, or where the server does not give that, with
// all there is.
func (g git) fetch(ctx context.Context, commit string) error {
	_, err := g.run(ctx, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "origin", commit)
	if err == nil {
		return nil
	}
	_, all := g.run(ctx, "fetch", "--quiet", "--no-recurse-submodules", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
	if all != nil {
		return g.address.explain(all)
	}
	if _, missing := g.run(ctx, "cat-file", "-e", commit+"^{commit}"); missing != nil {
		return &SourceError{Shown: g.address.Shown, Reason: fmt.Sprintf("the repository has no commit %s any more", commit),
			Fix: "plan again, or name another branch, tag or commit", Err: err}
	}
	return nil
}

// submodules gets the submodules of what is checked out, if it has any.
func (g git) submodules(ctx context.Context) error {
	if _, err := os.Lstat(filepath.Join(g.dir, ".gitmodules")); err != nil {
		return nil
	}
	_, err := g.run(ctx, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1")
	if err != nil { // a server that gives no single commits
		_, err = g.run(ctx, "submodule", "--quiet", "update", "--init", "--recursive")
	}
	if err == nil {
		return nil
	}
	err = g.address.explain(err)
	var refused *SourceError
	if errors.As(err, &refused) {
		refused.Reason = "of a submodule: " + refused.Reason
	}
	return err
}
