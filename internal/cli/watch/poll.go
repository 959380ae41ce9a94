package watch

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"wadi/stage/archive"
)

// pollInterval is how often files are looked at, if that takes no longer
// than a fifth of it.
const pollInterval = 250 * time.Millisecond

// poller looks at files: at what the file system says of them, not into them.
type poller struct {
	set      Set
	seen     map[string]archive.Info // by absolute path
	interval time.Duration           // pollInterval
	pause    time.Duration           // until the next look: longer if a look takes long
	timer    *time.Timer             // the next look
}

func newPoller(interval time.Duration) *poller {
	return &poller{timer: time.NewTimer(interval), interval: interval, pause: interval}
}

// remember takes the files as they are now for a new set.
func (p *poller) remember(ctx context.Context, set Set) {
	p.set = set
	p.seen = p.list(ctx)
}

// look answers the paths that came, went or changed since the last time,
// sorted.
func (p *poller) look(ctx context.Context) []string {
	now := p.list(ctx)
	var changed []string
	for path, info := range now {
		if was, known := p.seen[path]; !known || was != info {
			changed = append(changed, path)
		}
	}
	for path := range p.seen {
		if _, still := now[path]; !still {
			changed = append(changed, path)
		}
	}
	p.seen = now
	slices.Sort(changed)
	return changed
}

// list is all files of the set as they are, and when to look again.
func (p *poller) list(ctx context.Context) map[string]archive.Info {
	began := time.Now()
	out := map[string]archive.Info{}
	for _, t := range p.set.Trees {
		// what cannot be read is as if it were not there: whoever reads the
		// files says so
		infos, err := archive.List(ctx, t.Root, t.Keep)
		if err != nil {
			continue
		}
		for _, info := range infos {
			if !leftByEditor(filepath.Base(info.Path)) {
				out[filepath.Join(t.Root, info.Path)] = info
			}
		}
	}
	for _, file := range p.set.Files {
		if info, err := os.Lstat(file); err == nil {
			out[file] = fileInfo(file, info)
		}
	}
	p.pause = max(p.interval, 5*time.Since(began))
	p.timer.Reset(p.pause)
	return out
}

// fileInfo is what is compared of a single file. Of a folder only that it is
// there: what is in it is not asked for.
func fileInfo(file string, info os.FileInfo) archive.Info {
	out := archive.Info{Mode: info.Mode()}
	switch {
	case info.IsDir():
	case info.Mode()&os.ModeSymlink != 0:
		out.Target, _ = os.Readlink(file)
	default:
		out.Size, out.ModNS = info.Size(), info.ModTime().UnixNano()
	}
	return out
}
