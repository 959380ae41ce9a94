// Package staging is the staging task: it fetches a package and buildpacks,
// builds the droplet, uploads it with the log, and stores the result as its
// last act.
package staging
