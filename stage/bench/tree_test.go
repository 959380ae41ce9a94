package bench

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// treeVar names a folder to measure in place of one that is made up.
const treeVar = "WADI_BENCH_TREE"

// The files of a node_modules have about 9.5 KB in the mean, and most have
// less than half of it.
const filesPerPackage = 25

// makeTree makes an app in a new folder: index.js and a node_modules of about
// that many files, or a copy of what treeVar names. It is the same whenever it
// is made.
func makeTree(tb testing.TB, dir string, files int) string {
	tb.Helper()
	dir = filepath.Join(dir, "app")
	if from := os.Getenv(treeVar); from != "" {
		if out, err := exec.Command("cp", "-a", from, dir).CombinedOutput(); err != nil {
			tb.Fatalf("copying the tree: %v\n%s", err, out)
		}
		return dir
	}
	g := newGenerator()
	write(tb, filepath.Join(dir, "index.js"), g.text(4000))
	write(tb, filepath.Join(dir, "package.json"), []byte(`{"name":"bench","version":"1.0.0"}`))
	for n := 0; n < files; n++ {
		if n%filesPerPackage == 0 {
			g.nextPackage()
		}
		name := fmt.Sprintf("node_modules/%s-%d/lib/%s-%d.js", g.name, n/filesPerPackage, g.word(), n%filesPerPackage)
		if n%5 == 0 {
			name = fmt.Sprintf("node_modules/%s-%d/%s-%d.d.ts", g.name, n/filesPerPackage, g.word(), n%filesPerPackage)
		}
		write(tb, filepath.Join(dir, name), g.file())
	}
	return dir
}

func write(tb testing.TB, path string, content []byte) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		tb.Fatal(err)
	}
}

// generator makes text that is about as repetitive as program text: all
// packages share common words, and each has words of its own that come often.
type generator struct {
	rand   *rand.Rand
	common []string
	own    []string
	name   string
}

func newGenerator() *generator {
	g := &generator{rand: rand.New(rand.NewPCG(37_000, 350))}
	g.common = g.words(4000)
	g.nextPackage()
	return g
}

func (g *generator) words(n int) []string {
	parts := strings.Fields("get set on is to from make node value index list state event handle file path name type key map " +
		"async read write parse token source error option default create update async emit proto util stream buffer link")
	out := make([]string, n)
	for i := range out {
		word := parts[g.rand.IntN(len(parts))]
		for range 1 + g.rand.IntN(2) {
			part := parts[g.rand.IntN(len(parts))]
			word += strings.ToUpper(part[:1]) + part[1:]
		}
		if g.rand.IntN(3) == 0 {
			word += fmt.Sprint(g.rand.IntN(100))
		}
		out[i] = word
	}
	return out
}

func (g *generator) nextPackage() {
	g.own = g.words(150)
	g.name = strings.ToLower(g.own[0])
}

// word prefers those at the start of its lists, as program text does.
func (g *generator) word() string {
	from := g.own
	if g.rand.IntN(3) == 0 {
		from = g.common
	}
	return from[min(g.rand.IntN(len(from)), g.rand.IntN(len(from)))]
}

// file is the content of one file; one in 100 is a picture or a binary, which
// nothing makes smaller.
func (g *generator) file() []byte {
	size := 200 + g.rand.IntN(5000)
	switch n := g.rand.IntN(100); {
	case n < 15:
		size += g.rand.IntN(50_000)
	case n < 17:
		size += g.rand.IntN(200_000)
	case n == 17:
		b := make([]byte, 2*size)
		for i := range b {
			b[i] = byte(g.rand.Uint32())
		}
		return b
	}
	return g.text(size)
}

func (g *generator) text(size int) []byte {
	var b strings.Builder
	w := g.word
	for b.Len() < size {
		switch g.rand.IntN(8) {
		case 0:
			fmt.Fprintf(&b, "const %s = require('%s/%s');\n", w(), w(), w())
		case 1:
			fmt.Fprintf(&b, "function %s(%s, %s) {\n  return %s.%s(%s);\n}\n", w(), w(), w(), w(), w(), w())
		case 2:
			fmt.Fprintf(&b, "  if (%s.%s === %d) {\n    %s(%s);\n  }\n", w(), w(), g.rand.IntN(1000), w(), w())
		case 3:
			fmt.Fprintf(&b, "// %s %s %s of the %s, %s %s\n", w(), w(), w(), w(), w(), w())
		case 4:
			fmt.Fprintf(&b, "exports.%s = %s;\n", w(), w())
		case 5:
			fmt.Fprintf(&b, "  %s: '%s %s',\n", w(), w(), w())
		case 6:
			fmt.Fprintf(&b, "  var %s = this.%s.%s(%q, %d);\n", w(), w(), w(), w(), g.rand.IntN(100_000))
		default:
			fmt.Fprintf(&b, "  %s.%s(%s, %s);\n", w(), w(), w(), w())
		}
	}
	return []byte(b.String())
}
