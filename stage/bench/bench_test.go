package bench

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	maxPeak = 200 << 10 // KiB, of each of the programs
	// What an upload may have beyond the file that was changed: a percentage of
	// the tree, or in a small one the few chunks that are always others.
	maxPercent = 1
	fewChunks  = 2 << 20
)

// TestBounds pushes an app, changes one file and pushes it again: what is sent
// and stored the second time, and the memory of all that took part, have
// bounds that no slow machine moves.
func TestBounds(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := newPush(t, buildPrograms(t, dir), makeTree(t, dir, 6_000), filepath.Join(dir, "stat"))
	checkBounds(t, c)
}

// checkBounds makes the first and the second push.
func checkBounds(tb testing.TB, c *push) {
	tb.Helper()
	first, _ := c.client(true)
	s := c.stage(first.Blob, strings.Repeat("a", 64), binary)
	limit := max(first.Bytes*maxPercent/100, fewChunks)
	if s.stored > limit {
		tb.Errorf("a staging that changes nothing stored %d B, limit %d", s.stored, limit)
	}
	c.run(s)
	changed := changeOne(tb, c.app, first.Files)
	second, _ := c.client(true)
	limit += changed
	if second.Blob == first.Blob || second.Progress.Sent > limit {
		tb.Errorf("after a change of one file of %d B, %d B were uploaded, limit %d", changed, second.Progress.Sent, limit)
	}
	again := c.stage(second.Blob, strings.Repeat("b", 64), binary)
	if again.Droplet == s.Droplet || again.stored > limit {
		tb.Errorf("after a change of one file of %d B, the store got %d B of a restage, limit %d", changed, again.stored, limit)
	}
	c.close()
	for name, kib := range c.peaks {
		if kib > maxPeak {
			tb.Errorf("%s: %d KiB of memory, limit %d", name, kib, maxPeak)
		}
	}
	tb.Logf("%d files, %.0f MB: the first push sent %.1f MB, and the store got %.2f MB of a droplet of the same files; after a change of one file of %d B a push sent %.2f MB (%.2f MB of chunks), and the store got %.2f MB of its droplet",
		first.Files, mb(first.Bytes), mb(first.Progress.Sent), mb(s.stored), changed, mb(second.Progress.Sent), mb(second.Progress.Uploaded), mb(again.stored))
	for _, name := range slices.Sorted(maps.Keys(c.peaks)) {
		tb.Logf("peak memory of the %-8s %4d MB", name, c.peaks[name]>>10)
	}
}

func mb(n int64) float64 { return float64(n) / 1e6 }

// pair is ours and theirs, measured one after the other.
type pair struct {
	name, theirs string
	limit        float64 // of the ratio of times
	rounds       [][2]cost
}

func (p *pair) add(ours, theirs cost) { p.rounds = append(p.rounds, [2]cost{ours, theirs}) }

// BenchmarkPush compares what we do with what find, tar and zstd take for the
// same files. One iteration is one round of all pairs and leaves 1.5 GB until
// the end; -benchtime=7x is good.
// docs/benchmarks.md says more.
func BenchmarkPush(b *testing.B) {
	dir := newDir(b)
	programs, app := buildPrograms(b, dir), makeTree(b, dir, 37_000)
	cache := filepath.Join(dir, "stat")
	create := &pair{name: "create", theirs: "tar | zstd -T2 -3", limit: 1.5}
	createNew := &pair{name: "create-new", theirs: "tar | zstd -T2 -3", limit: 1.5}
	start := &pair{name: "start", theirs: "zstd -dc | tar x", limit: 1.5}
	print := &pair{name: "fingerprint", theirs: "find -printf", limit: 3}
	for round := 0; b.Loop(); round++ {
		c := newPush(b, programs, app, cache)
		pushed, _ := c.client(true)
		touches := c.uploadTouching()
		archive, out := filepath.Join(c.dir, "theirs.tar.zst"), filepath.Join(c.dir, "theirs")
		if err := os.Mkdir(out, 0o755); err != nil {
			b.Fatal(err)
		}
		pack := fmt.Sprintf("tar -C %s -cf - . | zstd -q -f -T2 -3 -o %s", app, archive)
		unpack := fmt.Sprintf("zstd -dcq %s | tar -xf - -C %s", archive, out)
		find := fmt.Sprintf(`find %s -printf '%%s %%T@ %%p\n' > /dev/null`, app)

		theirs := shell(b, pack)
		s := c.stage(pushed.Blob, strings.Repeat("a", 64), binary)
		create.add(s.create, theirs)
		theirs = shell(b, pack)
		createNew.add(c.stage(pushed.Blob, strings.Repeat("b", 64), touches).create, theirs)
		if round%2 == 0 { // who is second finds the disk busier
			theirs = shell(b, unpack)
			start.add(c.run(s), theirs)
		} else {
			ours := c.run(s)
			start.add(ours, shell(b, unpack))
		}
		for range 3 {
			theirs = shell(b, find)
			_, ours := c.client(false)
			print.add(ours, theirs)
		}
		c.close()
	}
	for _, p := range []*pair{create, createNew, start, print} {
		report(b, p)
	}
	checkBounds(b, newPush(b, programs, app, cache))
}

// report prints the medians of a pair.
func report(b *testing.B, p *pair) {
	var ours, theirs, walls, cpus []float64
	for _, r := range p.rounds {
		ours, theirs = append(ours, r[0].wall.Seconds()), append(theirs, r[1].wall.Seconds())
		walls = append(walls, ratio(r[0].wall, r[1].wall))
		cpus = append(cpus, ratio(r[0].cpu, r[1].cpu))
	}
	b.ReportMetric(median(walls), p.name+"-x-wall")
	b.ReportMetric(median(cpus), p.name+"-x-cpu")
	b.Logf("%-11s %6.2f s, %s %6.2f s: %.2f x wall, %.2f x cpu (medians of %d pairs; wall from %.2f to %.2f), limit %.1f",
		p.name, median(ours), p.theirs, median(theirs), median(walls), median(cpus), len(walls), slices.Min(walls), slices.Max(walls), p.limit)
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, time.Millisecond)) }

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
