// Package proc starts the processes of a task and ends them with all that
// they started. But for the shell of package sshd, which is a program of its
// own, it is the only place of the lifecycle that makes processes: one goroutine
// on one thread starts and reaps all of them, because the parent death signal of
// Linux is tied to the thread that forked.
package proc

// Self is the path by which a process starts the lifecycle again; it holds
// whatever becomes of the file that was executed.
const Self = "/proc/self/exe"
