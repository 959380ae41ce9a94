// Package lifecycle is what runs inside a Nomad task: the builder that turns
// a package into a droplet, and the supervisor and launcher that run one
// instance of it. Its main is the small static program in cmd/.
package lifecycle
