package agent

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"runtime"
	"strings"
)

// The module that builds the pinned Nomad. The files carry another ending
// because a folder with its own go.mod can not be embedded. The replacements
// are those of Nomad's own go.mod, which do not count in a foreign module;
// nomad/api is a nested module that the published one lacks.
var (
	//go:embed build/go.mod.txt
	nomadGoMod []byte
	//go:embed build/go.sum.txt
	nomadGoSum []byte
)

// Recipe is what Build builds: one main package of a module that exists
// only for the build.
type Recipe struct {
	Name    string // for people: "Nomad 1.11.3"
	Key     string // its folder in the cache
	Package string // import path of the main package
	Output  string // file name of the executable
	GoMod   []byte
	GoSum   []byte
}

// nomadBuild is the recipe of the pinned Nomad. Its key changes with the
// build's inputs, so that a cache never serves another build.
func nomadBuild() Recipe {
	sum := sha256.Sum256(nomadGoMod)
	key := []string{Pinned, runtime.GOOS, runtime.GOARCH, hex.EncodeToString(sum[:4])}
	return Recipe{
		Name:    "Nomad " + strings.TrimPrefix(Pinned, "v"),
		Key:     "nomad-" + strings.Join(key, "-"),
		Package: "github.com/hashicorp/nomad",
		Output:  "nomad",
		GoMod:   nomadGoMod,
		GoSum:   nomadGoSum,
	}
}
