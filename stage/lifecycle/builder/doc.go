// Package builder runs buildpacks over an app the way Cloud Foundry's
// builder does (buildpackapplifecycle/buildpackrunner): which scripts, in
// which order, with which arguments, messages and exit codes, and what the
// droplet says of itself afterwards.
package builder
