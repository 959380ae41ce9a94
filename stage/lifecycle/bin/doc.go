// Package bin is how wadi gets the lifecycle binary that it hands to tasks:
// built from the module's own sources and cached, or, with the build tag
// "release", from what was embedded.
//
// A release is made in two steps, from the module's root:
//
//	go run ./stage/lifecycle/bin/dist
//	go build -tags release .
//
// The first builds the lifecycle for every architecture into the folder dist,
// the second embeds what it finds there.
package bin

// Binary is the lifecycle as tasks get it: a gzipped tar with one file,
// "lifecycle", mode 0755 (Nomad unpacks such an artifact on every driver with
// its mode; a bare file lands as 0644 on docker).
type Binary struct {
	Path   string // absolute path of the .tgz, in the cache
	SHA256 string // of the .tgz, 64 hex digits
	Size   int64  // of the .tgz, bytes
}
