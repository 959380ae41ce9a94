// Package build is `lifecycle build`: the builder on the folders and files of
// one machine, without Nomad or a blob store, with the flags, exit codes and
// outputs of Cloud Foundry's own builder (buildpackapplifecycle).
package build
