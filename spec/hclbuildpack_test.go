package spec

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestBuildpackBlocks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bp.zip"), "x")
	write(t, filepath.Join(dir, "wadi.hcl"), `
variable "token" {
  type      = string
  sensitive = true
  default   = "t"
}
buildpack "remote" {
  source   = "https://ci:${var.token}@example.org/bp.git#main"
  position = 2
  stack    = "cflinuxfs4"
}
buildpack "local" {
  source  = "./bp.zip"
  sha256  = "ABCDEF0000000000000000000000000000000000000000000000000000000000"
  enabled = false
}
buildpack "plain" {
  source   = "./bp.zip"
  enabled  = true
  position = null
  stack    = null
}
`)
	doc, diags := Load(t.Context(), Options{FS: OSFS(), Dir: dir})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	want := map[string]Buildpack{
		"remote": {Name: "remote", Source: "https://ci:t@example.org/bp.git#main", Position: 2, Stack: "cflinuxfs4", Sensitive: true},
		"local": {Name: "local", Source: filepath.Join(dir, "bp.zip"), Disabled: true,
			SHA256: "abcdef0000000000000000000000000000000000000000000000000000000000"},
		"plain": {Name: "plain", Source: filepath.Join(dir, "bp.zip")},
	}
	if diff := cmp.Diff(want, doc.Buildpacks, cmpopts.IgnoreFields(Buildpack{}, "Pos")); diff != "" {
		t.Error(diff)
	}
}
