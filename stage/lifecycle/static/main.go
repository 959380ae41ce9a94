package static

import (
	"fmt"
	"io"
)

// Main is `lifecycle serve [--check DIR]`; it returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	var err error
	if len(args) == 2 && args[0] == "--check" {
		var says string
		if says, err = check(args[1]); err == nil {
			fmt.Fprintln(stdout, says)
		}
	} else {
		err = serve(".")
	}
	if err != nil {
		fmt.Fprintln(stderr, "lifecycle serve:", err)
		return 1
	}
	return 0
}
