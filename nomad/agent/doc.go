// Package agent finds, builds, starts, stops and sweeps local Nomad agents:
// what `wadi dev` and the tests run on. Nomad is a separate program; nothing
// of it is linked here but its API client.
//
// Linux only: what an agent leaves behind is found through /proc, its mounts
// and its control groups.
package agent
