package cli

import (
	"regexp"
	"strings"
)

// The rules of wadi's terminal output:
//
//   - stdout carries data and nothing else; everything here is for stderr,
//     but for colour in tables and plans.
//   - Colour is never the only signal: whatever is red or green also says so.
//   - Nothing is redrawn unless stderr is a terminal. Redrawing means: the
//     cursor goes up over the lines drawn last, and everything below is
//     erased. No other cursor movement, no alternate screen.
//   - Text of others (logs, reasons) is stripped of control characters before
//     it reaches a terminal.

const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"

	eraseBelow = "\x1b[J"
)

func paint(color bool, code, text string) string {
	if !color {
		return text
	}
	return code + text + reset
}

// sequence is a terminal's control sequence (ECMA-48's CSI), colours included.
var sequence = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")

// clean takes control sequences and characters out of a text of others: a
// log line may hold what moves the cursor or changes the title. Tabs stay.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r >= 0x20 && r != 0x7f && (r < 0x80 || r > 0x9f) {
			return r
		}
		return -1
	}, sequence.ReplaceAllString(text, ""))
}

// cut shortens a text to a terminal's width.
func cut(text string, width int) string {
	runes := []rune(text)
	if width < 2 || len(runes) < width {
		return text
	}
	return string(runes[:width-2]) + "…"
}
