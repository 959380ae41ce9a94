// Package cli is wadi's command line: one file a command. It reads the
// configuration, calls spec and reconcile, and shows what they answer. Data
// goes to stdout, progress, prompts and errors go to stderr.
package cli
