package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"wadi/reconcile"
)

// writeApps prints apps as `cf app` does: what each is, then a table of its
// instances for every process type.
func writeApps(w io.Writer, apps []reconcile.AppStatus, color bool) error {
	var b strings.Builder
	for i, app := range apps {
		if i > 0 {
			b.WriteByte('\n')
		}
		writeApp(&b, app, color)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// imageText is the name that people know an image by, and what it stood for.
func imageText(app reconcile.AppStatus) string {
	if app.ImageName == "" || strings.Contains(app.ImageName, "@") {
		return app.Image
	}
	return app.ImageName + " (" + app.Image + ")"
}

func writeApp(b *strings.Builder, app reconcile.AppStatus, color bool) {
	fields := [][2]string{
		{"name", paint(color, bold, app.App)},
		{"requested state", app.State},
		{"routes", strings.Join(app.Routes, ", ")},
		{"urls", strings.Join(app.URLs, ", ")},
		{"buildpacks", app.Buildpack},
		{"docker image", imageText(app)},
		{"ports", reconcile.PortsText(app.Ports)},
		{"revision", revisionText(app)},
	}
	for _, f := range fields {
		if f[1] != "" {
			fmt.Fprintf(b, "%-18s %s\n", f[0]+":", f[1])
		}
	}
	for _, p := range app.Processes {
		writeProcess(b, p, color)
	}
}

func revisionText(app reconcile.AppStatus) string {
	if app.Revision == 0 {
		return ""
	}
	if app.Droplet == "" {
		return fmt.Sprint(app.Revision)
	}
	return fmt.Sprintf("%d (droplet %.12s)", app.Revision, app.Droplet)
}

// disk is what an instance takes of what it may.
func disk(in reconcile.InstanceStatus) string {
	switch {
	case in.DiskMB == 0:
		return "no limit"
	case in.DiskB == 0:
		return "- of " + mebibytes(in.DiskMB)
	}
	return humanize.IBytes(uint64(in.DiskB)) + " of " + mebibytes(in.DiskMB)
}

func writeProcess(b *strings.Builder, p reconcile.ProcessStatus, color bool) {
	fmt.Fprintf(b, "\n%-18s %s\n%-18s %d/%d\n%-18s %s\n", "type:", p.Type, "instances:", p.Running, p.Wanted, "memory usage:", mebibytes(p.MemoryMB))
	if len(p.Instances) == 0 {
		b.WriteString("There are no running instances of this process.\n")
		return
	}
	// the colour is put on afterwards: the table counts it as width
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "\tstate\tsince\tcpu\tmemory\tdisk\tdetails")
	for _, in := range p.Instances {
		since := "-"
		if !in.Since.IsZero() {
			since = in.Since.UTC().Format(time.RFC3339)
		}
		cpu, memory := "-", "-" // a node that has not measured yet says 0
		if in.MemoryB > 0 {
			cpu, memory = fmt.Sprintf("%.1f%%", in.CPU), humanize.IBytes(in.MemoryB)
		}
		fmt.Fprintf(t, "#%d\t%s\t%s\t%s\t%s of %s\t%s\t%s\n", in.Index, in.State, since,
			cpu, memory, mebibytes(in.MemoryMB), disk(in), details(in))
	}
	t.Flush()
	for i, line := range strings.Split(strings.TrimRight(table.String(), "\n"), "\n") {
		line = strings.TrimRight(line, " ")
		if i > 0 {
			state := p.Instances[i-1].State
			line = strings.Replace(line, state, paint(color, stateColor(state), state), 1)
		}
		b.WriteString(line + "\n")
	}
}

func stateColor(state string) string {
	switch state {
	case "running":
		return green
	case "crashed", "down":
		return red
	}
	return yellow
}

func details(in reconcile.InstanceStatus) string {
	var parts []string
	if in.Details != "" {
		parts = append(parts, clean(in.Details))
	}
	if in.Restarts > 0 {
		parts = append(parts, count(in.Restarts, "restart", "restarts"))
	}
	if in.NextStart != nil {
		parts = append(parts, "next start "+in.NextStart.Format(time.RFC3339))
	}
	return strings.Join(parts, ", ")
}

// mebibytes is a size in MB as cf writes it: 64M, 2G.
func mebibytes(mb int) string {
	if mb >= 1024 && mb%1024 == 0 {
		return fmt.Sprintf("%dG", mb/1024)
	}
	return fmt.Sprintf("%dM", mb)
}

// writePhases says how long each phase of each app took.
func writePhases(w io.Writer, outcome *reconcile.Outcome) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, app := range outcome.Apps {
		for _, p := range app.Phases {
			fmt.Fprintf(t, "%s\t%s\t%s\n", app.App, p.Phase, seconds(p.Seconds))
		}
	}
	t.Flush()
	if b.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w, "\n"+b.String())
	return err
}

func seconds(s float64) string { return fmt.Sprintf("%.1fs", s) }
