package spec

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// BenchmarkManifest reads manifests of more and more apps; ns/app must not
// grow with them.
func BenchmarkManifest(b *testing.B) {
	for _, apps := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("apps=%d", apps), func(b *testing.B) {
			files := memFS{fstest.MapFS{"manifest.yml": &fstest.MapFile{Data: []byte(manyApps(apps))}}}
			for b.Loop() {
				doc, diags := Load(context.Background(), Options{FS: files, Dir: "/p", Vars: []string{"domain=example.com"}})
				if len(doc.Apps) != apps || diags.HasErrors() {
					b.Fatalf("%d apps: %v", len(doc.Apps), diags)
				}
				if _, err := ReportJSON(doc, diags); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*apps), "ns/app")
		})
	}
}

// manyApps is a manifest of n apps as teams write them.
func manyApps(n int) string {
	var b strings.Builder
	b.WriteString("defaults: &defaults\n  memory: 256M\n  env: {A: 1, B: two}\napplications:\n")
	for i := range n {
		fmt.Fprintf(&b, "- <<: *defaults\n  name: app-%d\n  path: ./app\n  routes:\n  - route: app-%d.((domain))\n  - route: www-%d.((domain))/x\n"+
			"  services: [db, {name: cache, binding_name: c}]\n  processes:\n  - {type: worker, instances: 2, memory: 1G}\n  health-check-type: http\n  health-check-http-endpoint: /\n", i, i, i)
	}
	return b.String()
}
