// Package spec turns files (HCL, Cloud Foundry's manifest.yml, variables)
// into the desired state. It is pure: the file system and the environment
// are passed in, and it imports nothing else of wadi.
//
// Load answers a Document, what the files request and nothing else, and
// Diagnostics with file, line, column and field. Both languages become one
// tree of nodes (node.go) and apps are decoded from that (app.go), so that a
// rule of Cloud Foundry is written once. Manifests are read as cf reads them
// (YAML 1.1 as yaml.v2, the wording of the CLI and the Cloud Controller).
//
// Convert writes what a file of one language requests in the other, from the
// same tree, in which variables still stand by their names; FormatHCL is the
// formatter.
//
// What is not said in the files is decided by who acts on them:
// EffectiveProcesses gives Cloud Foundry's defaults, JobID the job's name,
// CheckPaths looks whether the sources are there.
package spec
