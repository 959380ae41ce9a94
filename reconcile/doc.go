// Package reconcile makes what runs match the files: it resolves what the
// files name, observes what is there, compares the two (pure), and carries
// out the plan that comes of it.
package reconcile
