package instance

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"wadi/internal/sleep"
	"wadi/stage/lifecycle"
)

// usageInterval is how often the disk usage is measured: a walk over the
// whole copy, so not often.
const usageInterval = 30 * time.Second

// measure writes down what the instance in dir takes until ctx ends. It is
// for people to look at: what goes wrong with it is no fault of the app's.
func (t *task) measure(ctx context.Context, dir string) {
	for wait := time.Second; sleep.For(ctx, wait) == nil; wait = usageInterval {
		text, err := json.Marshal(lifecycle.Usage{DiskBytes: diskUsage(ctx, dir)})
		if err != nil {
			continue
		}
		path := filepath.Join(t.dir, lifecycle.UsageFile)
		if err := os.WriteFile(path+".new", text, 0o644); err == nil {
			_ = os.Rename(path+".new", path)
		}
	}
}

// diskUsage is what the files below dir take on the disk; a file with several
// names counts once.
func diskUsage(ctx context.Context, dir string) int64 {
	var bytes int64
	seen := map[uint64]bool{}
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return fs.SkipAll
		}
		if err != nil {
			return nil // the app removes files meanwhile
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || stat.Nlink > 1 && !d.IsDir() && seen[stat.Ino] {
			return nil
		}
		seen[stat.Ino] = stat.Nlink > 1
		bytes += stat.Blocks * 512
		return nil
	})
	return bytes
}
