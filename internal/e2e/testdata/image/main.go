// Command image is all that the test images from scratch have: it answers on
// each port that it is given, and on $PORT, what it was started with.
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ports := []string{os.Getenv("PORT")}
	for _, arg := range os.Args[1:] {
		if port, ok := strings.CutPrefix(arg, "--port="); ok {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	for _, port := range slices.Compact(ports) {
		if port == "" {
			continue // a worker
		}
		go func() { panic(http.ListenAndServe(":"+port, http.HandlerFunc(answer))) }()
	}
	fmt.Println("started as", os.Getuid(), "with", os.Args[1:])
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
}

func answer(w http.ResponseWriter, _ *http.Request) {
	dir, _ := os.Getwd()
	fmt.Fprintf(w, "args=%q uid=%d gid=%d dir=%s\n", os.Args, os.Getuid(), os.Getgid(), dir)
	env := os.Environ()
	slices.Sort(env)
	fmt.Fprintln(w, strings.Join(env, "\n"))
	_, err := os.ReadFile("/secrets/environment.json")
	fmt.Fprintln(w, "secrets:", err)
}
