// Command lifecycle is the program inside every task: it stages packages and
// runs instances. It is built statically and knows nothing of Nomad's API.
package main

import (
	"fmt"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, usage)
		return 2
	}
	command, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(os.Stderr, "lifecycle: unknown command %q\n%s\n", args[0], usage)
		return 2
	}
	return command(args[1:])
}
