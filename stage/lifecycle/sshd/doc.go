// Package sshd is what `wadi ssh` talks to inside an instance: SSH on the
// standard streams of a command that Nomad executes there, for one session.
//
// Nomad's own word for how a command ended cannot be relied on: its docker
// driver takes one that has not begun for one that ended well, stops reading
// output when it sees the end, and its executor forgets the exit code where
// input comes later than that. Here the client asks for the command only when
// this end has answered, and learns its exit code after all of its output.
package sshd
