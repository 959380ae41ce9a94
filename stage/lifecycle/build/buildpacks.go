package build

import (
	"context"
	"crypto/md5"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/builder"
	"wadi/stage/lifecycle/builtin"
)

// buildpacks finds the folder of every buildpack of the order, fetching those
// whose key is a URL. One that is not there and has the name of a built-in is
// that, written to the folder builtins.
func (o options) buildpacks(ctx context.Context, builtins string, stdout *os.File) ([]builder.Buildpack, error) {
	found := make([]builder.Buildpack, 0, len(o.order))
	for _, key := range o.order {
		u, err := url.Parse(key)
		if err != nil {
			return nil, &builder.Error{Code: exitFailed, Msg: fmt.Sprintf("Invalid buildpack url (%s)", key), Err: err}
		}
		parent := o.buildpacksDir
		if u.IsAbs() {
			parent = o.buildpacksDownloads
		}
		bp := builder.Buildpack{
			Key: key, Dir: filepath.Join(parent, builder.KeyHash(key)),
			LegacyDir: filepath.Join(parent, fmt.Sprintf("%x", md5.Sum([]byte(key)))),
		}
		if u.IsAbs() {
			if err := o.download(ctx, key, bp.Dir, stdout); err != nil {
				return nil, err
			}
		}
		if name := strings.TrimSuffix(key, "_buildpack"); slices.Contains(lifecycle.Builtins(), name) && !there(bp) {
			bp.Dir = filepath.Join(builtins, builder.KeyHash(key))
			if err := o.writeBuiltin(bp.Dir, name); err != nil {
				return nil, err
			}
		}
		found = append(found, bp)
	}
	return found, nil
}

// there reports whether somebody has put the buildpack into the folder of
// buildpacks.
func there(bp builder.Buildpack) bool {
	_, err := os.Stat(bp.Dir)
	_, legacyErr := os.Stat(bp.LegacyDir)
	return err == nil || legacyErr == nil
}

func (o options) writeBuiltin(dir, name string) error {
	if _, err := os.Stat(dir); err == nil { // named twice
		return nil
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the lifecycle itself: %w", err)
	}
	return builtin.Write(dir, name, program, nil, o.subcommand...)
}
