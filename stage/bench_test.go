package stage

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bigTree makes 37,000 small files in 3,700 folders, as a node_modules has.
func bigTree(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	for d := range 3700 {
		folder := filepath.Join(dir, "node_modules", fmt.Sprintf("package-%03d", d%370), "lib", fmt.Sprintf("part-%d", d/370))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		for f := range 10 {
			content := strings.Repeat(fmt.Sprintf("line %d of %d\n", f, d), 10+(d*f)%500)
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("module-%d.js", f)), []byte(content), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	return dir
}

// timed gives the time that a command takes, its output going nowhere.
func timed(b *testing.B, name string, args ...string) time.Duration {
	b.Helper()
	start := time.Now()
	if err := exec.Command(name, args...).Run(); err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return time.Since(start)
}

// BenchmarkScanUnchanged reports the time of a scan of an unchanged tree as a
// multiple of that of find, and what ignore rules add to it.
func BenchmarkScanUnchanged(b *testing.B) {
	dir, folder := bigTree(b), b.TempDir()
	for _, rules := range []string{"", "*.pyc\n*.log\n/target\n/dist\ncoverage/\n.env*\n!keep.log\ntmp\n"} {
		if err := os.WriteFile(dir+"/.cfignore", []byte(rules), 0o644); err != nil {
			b.Fatal(err)
		}
		age(b, dir, folder, true)
		b.Run(fmt.Sprintf("rules=%d", strings.Count(rules, "\n")), func(b *testing.B) {
			var find, scan time.Duration
			for b.Loop() {
				find += timed(b, "find", dir, "-printf", "%p %s %T@ %C@ %i %m\n")
				start := time.Now()
				tree, err := Scan(b.Context(), dir, ScanOptions{Ignore: true, Cache: folder})
				if err != nil || tree.Files != 37000 {
					b.Fatalf("%d files, error %v", tree.Files, err)
				}
				scan += time.Since(start)
			}
			b.ReportMetric(float64(scan)/float64(find), "x-find")
			b.ReportMetric(float64(scan.Milliseconds())/float64(b.N), "ms/scan")
		})
	}
}

// BenchmarkScanCold hashes everything, as the first plan does.
func BenchmarkScanCold(b *testing.B) {
	dir := bigTree(b)
	for b.Loop() {
		if _, err := Scan(b.Context(), dir, ScanOptions{Ignore: true}); err != nil {
			b.Fatal(err)
		}
	}
}
