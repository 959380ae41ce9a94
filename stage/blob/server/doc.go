// Package server is the blob store's server: the HTTP API that package blob
// documents, over a bucket of gocloud.dev/blob. It stores nothing that it has
// not verified, and a write is visible whole or not at all.
//
// In the bucket:
//
//	chunks/AB/SHA256       one zstd-compressed chunk, AB the first two digits
//	blobs/AB/DIGEST        a blob's list
//	results/SPACE/KEY      a head line (generation, sha256), then the staging result
//	lifecycle/SHA256       a tgz with the lifecycle binary in it
//	health/probe           what the health check writes
package server
