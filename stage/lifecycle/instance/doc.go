// Package instance is the supervisor of one instance: it makes a fresh copy
// of the droplet, starts the process and its sidecars, probes their health,
// serves what it found, and ends them all.
package instance
