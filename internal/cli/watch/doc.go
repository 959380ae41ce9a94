// Package watch says when files have changed: those of folders, of which the
// caller says what counts, and single ones, there or not. It listens to the
// file system's events, and looks for itself where there are none.
package watch
