package build

import (
	"crypto/md5"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"wadi/stage/lifecycle/builder"
)

// buildpacks finds the folder of every buildpack of the order.
func (o options) buildpacks() ([]builder.Buildpack, error) {
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
			if _, err := os.Stat(bp.Dir); err != nil {
				return nil, &builder.Error{
					Code: exitFailed, Msg: fmt.Sprintf("Failed to download buildpack '%s'", u.Redacted()),
					Err: fmt.Errorf("this command downloads nothing: put the buildpack into %s", bp.Dir),
				}
			}
		}
		found = append(found, bp)
	}
	return found, nil
}
