package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are the standard streams of one run.
type Streams struct {
	In  io.Reader
	Out io.Writer // data
	Err io.Writer // progress, prompts, errors
}

// isTerminal says whether a person reads or types there.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// wantColor is the colour rule: --no-color, else NO_COLOR
// (https://no-color.org: any value but the empty one), else CLICOLOR_FORCE,
// else whether it is a terminal that knows colours.
func wantColor(noColor bool, env func(string) string, terminal bool) bool {
	switch {
	case noColor, env("NO_COLOR") != "":
		return false
	case env("CLICOLOR_FORCE") != "" && env("CLICOLOR_FORCE") != "0":
		return true
	}
	return terminal && env("TERM") != "dumb"
}

// terminalWidth is the number of columns of a terminal, 80 if it is not known.
func terminalWidth(stream any) int {
	if f, ok := stream.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// terminalHeight is the number of rows of a terminal, 24 if it is not known.
func terminalHeight(stream any) int {
	if f, ok := stream.(*os.File); ok {
		if _, height, err := term.GetSize(int(f.Fd())); err == nil && height > 0 {
			return height
		}
	}
	return 24
}
