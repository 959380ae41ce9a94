package build

import (
	"context"
	"crypto/md5"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"wadi/stage/lifecycle/builder"
)

// buildpacks finds the folder of every buildpack of the order, fetching those
// whose key is a URL.
func (o options) buildpacks(ctx context.Context, stdout *os.File) ([]builder.Buildpack, error) {
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
		found = append(found, bp)
	}
	return found, nil
}
