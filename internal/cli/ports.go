package cli

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
)

// portWish is what is known of a port before it is chosen.
type portWish struct {
	What    string // "the router", for errors
	Flag    string
	Given   int  // by flag; 0 = not
	Kept    int  // what the platform has had so far; 0 = none
	Ours    bool // the kept port is in use by the platform itself
	Default int
}

// choosePort decides on a port of 127.0.0.1. A port that somebody asked for,
// or that clients know, is never changed in silence; otherwise the next free
// one from the default on is taken. Nomad itself would place a second job
// with the same port on ::1, so it has to be looked at beforehand.
func choosePort(w portWish, free func(int) bool) (int, error) {
	switch {
	case w.Given < 0 || w.Given > 65535:
		return 0, withHint(fmt.Errorf("%s %d is no port", w.Flag, w.Given), "give a number from 1 to 65535")
	case w.Given != 0:
		if w.Given == w.Kept && w.Ours || free(w.Given) {
			return w.Given, nil
		}
		return 0, withHint(fmt.Errorf("port %d for %s is taken by another program", w.Given, w.What), "give another one with %s", w.Flag)
	case w.Kept != 0:
		if w.Ours || free(w.Kept) {
			return w.Kept, nil
		}
		return 0, withHint(fmt.Errorf("port %d, which %s had so far, is taken by another program", w.Kept, w.What),
			"stop that program, or move %s with %s PORT and apply your apps again", w.What, w.Flag)
	}
	for port := w.Default; port < w.Default+100 && port <= 65535; port++ {
		if free(port) {
			return port, nil
		}
	}
	return 0, withHint(fmt.Errorf("no port is free for %s between %d and %d", w.What, w.Default, w.Default+99), "give one with %s", w.Flag)
}

// portFree says whether nothing listens on a port of this machine.
func portFree(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// portOf is the port of a URL, 0 if it has none.
func portOf(address string) int {
	u, err := url.Parse(address)
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return 0
	}
	return port
}
