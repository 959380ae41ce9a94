package reconcile

import (
	"fmt"
	"io"
	"strings"
)

// TextOptions say how a plan is printed.
type TextOptions struct {
	Color bool
	Dir   string // files below it are shown relative to it; "" = as they are
}

// symbols of the actions; colour is never the only signal.
var symbols = map[Action]struct{ mark, word, color string }{
	Create:    {"+", "create", "\x1b[32m"},
	Update:    {"~", "update", "\x1b[33m"},
	Destroy:   {"-", "destroy", "\x1b[31m"},
	LeftAlone: {"·", "left alone", "\x1b[2m"},
	None:      {" ", "no change", ""},
}

// WriteText prints the plan for people. It depends on the plan alone.
func (p *Plan) WriteText(w io.Writer, o TextOptions) error {
	var b strings.Builder
	paint := func(color, text string) string {
		if !o.Color || color == "" {
			return text
		}
		return color + text + "\x1b[0m"
	}
	for _, warning := range p.Warnings {
		if o.Dir != "" { // one that is about a place begins with it
			warning = strings.TrimPrefix(warning, strings.TrimSuffix(o.Dir, "/")+"/")
		}
		fmt.Fprintf(&b, "%s %s\n", paint("\x1b[33m", "Warning:"), warning)
	}
	if len(p.Warnings) > 0 {
		b.WriteByte('\n')
	}
	if p.Changes() {
		p.writeLegend(&b, paint)
	}
	for _, app := range p.Apps {
		app.write(&b, paint)
	}
	s := p.Summary
	switch {
	case p.Changes():
		fmt.Fprintf(&b, "Plan: %d to add, %d to change, %d to destroy; %d to stage; %d unchanged.\n", s.Add, s.Change, s.Destroy, s.Stage, s.Unchanged)
	case s.Unchanged == 0:
		fmt.Fprintf(&b, "No changes. Nothing of project %s is in space %s.\n", p.Project, p.Space)
	default:
		fmt.Fprintf(&b, "No changes. Project %s in space %s is as the files say (%s).\n", p.Project, p.Space, plural(s.Unchanged, "app"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeLegend explains only the symbols in use.
func (p *Plan) writeLegend(b *strings.Builder, paint func(color, text string) string) {
	fmt.Fprintf(b, "Project %s, space %s, Nomad at %s:", p.Project, p.Space, p.Address)
	for _, action := range []Action{Create, Update, Destroy, LeftAlone} {
		for _, app := range p.Apps {
			if app.Action == action {
				s := symbols[action]
				fmt.Fprintf(b, "  %s %s", paint(s.color, s.mark), s.word)
				break
			}
		}
	}
	b.WriteString("\n\n")
}

func (a AppPlan) write(b *strings.Builder, paint func(color, text string) string) {
	if a.Action == None && len(a.Warnings)+len(a.Unresolved) == 0 {
		return
	}
	s := symbols[a.Action]
	title := fmt.Sprintf("%s %s", s.mark, a.App)
	if a.Job != a.App {
		title += " (job " + a.Job + ")"
	}
	fmt.Fprintf(b, "%s: %s%s\n", paint(s.color, title), s.word, a.consequence())
	width := 0
	for _, ch := range a.Changes {
		width = max(width, len(ch.What))
	}
	for _, ch := range a.Changes {
		fmt.Fprintf(b, "    %s %-*s  %s\n", ch.mark(), width, ch.What, ch.text())
	}
	if len(a.Changes) > 0 && len(a.Operations) > 0 {
		b.WriteByte('\n')
	}
	for _, after := range a.After {
		fmt.Fprintf(b, "    after %s\n", after)
	}
	for i, op := range a.Operations {
		fmt.Fprintf(b, "    %d. %-8s  %s: %s\n", i+1, op.Kind, op.What, op.Reason)
	}
	for _, text := range a.Unresolved {
		fmt.Fprintf(b, "    %s %s\n", paint("\x1b[33m", "unresolved:"), text)
	}
	for _, text := range a.Warnings {
		fmt.Fprintf(b, "    %s %s\n", paint("\x1b[33m", "warning:"), text)
	}
	b.WriteByte('\n')
}

// consequence says what an update means for the running instances.
func (a AppPlan) consequence() string {
	switch {
	case a.Action == LeftAlone:
		return " (it is not in the files; --prune stops it)"
	case a.Action == Update && a.Replaces > 0:
		return ", replaces " + plural(a.Replaces, "instance")
	case a.Action == Update && a.Starts > 0 && !a.goesOn:
		return ", starts " + plural(a.Starts, "instance")
	case a.Action == Update && a.Starts > 0:
		return " in place, starts " + plural(a.Starts, "instance")
	case a.Action == Update:
		return " in place"
	}
	return ""
}

func (c Change) mark() string {
	switch {
	case c.From == "":
		return "+"
	case c.To == "":
		return "-"
	}
	return "~"
}

func (c Change) text() string {
	text := ""
	switch {
	case c.From == "":
		text = c.To
	case c.To == "":
		text = c.From
	default:
		text = c.From + " -> " + c.To
	}
	if c.Replaces {
		text += "  (replaces instances)"
	}
	return text
}
