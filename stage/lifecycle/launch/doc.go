// Package launch is Cloud Foundry's launcher contract
// (buildpackapplifecycle/launcher): it completes the environment, sources the
// profile scripts and becomes the start command, without a fork.
package launch
