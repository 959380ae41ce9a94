// Package bench measures what a push costs, with the programs as they are
// used: the blob store's server, the lifecycle that stages and runs, and a
// client that packs and uploads. It has nothing but tests: TestBounds holds
// what does not depend on how fast a machine is, BenchmarkPush compares times
// with those of find, tar and zstd on the same files.
package bench
