// Package blob is the blob store's format and client. Packages, droplets,
// buildpacks and logs are all the same kind of blob: an ordered list of
// content-defined chunks. A chunk is named by the sha256 of its bytes, and
// travels and rests zstd-compressed; a blob is named by the sha256 of its
// list (see List). So only chunks that the store lacks are uploaded, an
// interrupted transfer goes on where it was, and whoever reads verifies.
//
// The client is part of the small binary that runs inside every task: it
// imports net/http, zstd and the chunker, and no back end. The server is in
// the package server below this one.
//
// # HTTP API
//
//	GET  /v1/health                    {"status":"ok","writable":true}; no authentication
//	POST /v1/missing                   JSON array of at most MaxAsk chunk digests; answers those missing
//	PUT  /v1/chunks/{sha256}           body: one zstd-compressed chunk
//	GET  /v1/chunks/{sha256}           the same; ?verify=1 has the server check it first, and drop it if it is damaged
//	PUT  /v1/blobs/{digest}            body: the list; 409 with "missing" unless all its chunks are there
//	GET  /v1/blobs/{digest}            the list
//	HEAD /v1/blobs/{digest}            200 if the list and all its chunks are there; chunks that changed since are checked,
//	                                   with ?verify=1 all, and dropped if they are damaged
//	GET  /v1/results/{space}/{key}     a staging result, with its generation in the header Wadi-Generation
//	PUT  /v1/results/{space}/{key}     ?generation=N; 409 unless N is above the stored one
//	POST /v1/collect                   JSON of Collect: removes what it does not name; answers Collected
//	GET  /v1/lifecycle/{sha256}        a tgz with the lifecycle binary in it, for Nomad's artifact block:
//	                                   no authentication, an artifact has none to present
//	HEAD /v1/lifecycle/{sha256}        200 if it is there, and whole
//	PUT  /v1/lifecycle/{sha256}
//
// Everything else takes "Authorization: Bearer TOKEN", with the people's token or
// a Nomad workload identity. Failures are JSON: {"error":"…","missing":["…"]};
// the header Wadi-Damaged names what was found damaged and dropped.
package blob
