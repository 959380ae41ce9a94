// Package stage turns source into what a staging task needs: it applies the
// ignore rules, fingerprints and packages an app's folder or zip, pins
// buildpacks, and computes the key under which the result is known.
package stage
