// Package nomad is all that knows Nomad: the client, the jobs we register,
// Variables and locks, logs, and the watch over a deployment. What a job
// looks like and what a deployment's state means are pure functions; see
// DESIGN's facts for why they are as they are.
package nomad
