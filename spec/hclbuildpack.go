package spec

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strings"
)

var sha256Pattern = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// readBuildpacks reads the blocks that name buildpacks.
func (m *module) readBuildpacks() {
	for _, b := range m.blocks["buildpack"] {
		m.broken = nil
		n := m.attributeMap(b.src, b.Block, "buildpack."+b.Labels[0], "a buildpack", hclAttributes(buildpackTable))
		if len(m.broken) > 0 {
			continue
		}
		bp := m.buildpack(b, n)
		if m.l.doc.Buildpacks == nil {
			m.l.doc.Buildpacks = map[string]Buildpack{}
		}
		first, twice := m.l.doc.Buildpacks[bp.Name]
		if first.Pos = bp.Pos; twice && first != bp {
			b.src.add(SeverityError, n, fmt.Sprintf("buildpack %q is declared differently at %s", bp.Name, m.l.place(m.l.doc.Buildpacks[bp.Name].Pos)), "Make the two equal, or rename one.")
			continue
		}
		m.l.doc.Buildpacks[bp.Name] = bp
	}
}

func (m *module) buildpack(b hclBlock, n *node) Buildpack {
	source, sum := n.get("source"), n.get("sha256")
	bp := Buildpack{
		Name: b.Labels[0], Pos: b.src.pos(n),
		Source: m.plainText(b.src, source), SHA256: strings.ToLower(m.plainText(b.src, sum)),
		Stack: m.plainText(b.src, n.get("stack")), Position: m.buildpackPosition(b.src, n.get("position")),
	}
	if source == nil {
		b.src.add(SeverityError, n, fmt.Sprintf("buildpack %q has no source", bp.Name), `Give a URL, a folder or an archive: source = "https://…".`)
	} else {
		_, bp.Sensitive = source.tainted()
	}
	if sum != nil && !sha256Pattern.MatchString(bp.SHA256) {
		b.src.add(SeverityError, sum, "sha256 must be 64 hexadecimal digits", "Write the output of sha256sum.")
	}
	// Unlike in an app's list, a text without "./" is no name here; what is
	// neither path nor URL has a colon (git@host:path).
	if isRelativeFolder(bp.Source) || bp.Source != "" && !strings.Contains(bp.Source, ":") && !filepath.IsAbs(bp.Source) {
		bp.Source = absolute(b.src.dir, bp.Source)
		if err := checkInside(m.l.fs, b.src.dir, bp.Source); err != nil {
			b.src.add(SeverityError, source, err.Error(), "Paths in HCL stay inside their folder: copy the buildpack there, or use a URL.")
		}
	}
	if enabled := n.get("enabled"); enabled != nil && enabled.kind != kindNull {
		if enabled.kind != kindBool {
			b.src.add(SeverityError, enabled, "must be true or false, here is "+enabled.kind.String(), "Write enabled = false, or leave it out.")
		}
		bp.Disabled = enabled.kind == kindBool && !enabled.b
	}
	return bp
}

// buildpackPosition is a place in the order of detection, 0 = none.
func (m *module) buildpackPosition(src *source, n *node) int {
	if n == nil || n.kind == kindNull {
		return 0
	}
	if n.kind != kindInt || n.i < 1 || n.i > math.MaxInt32 {
		src.add(SeverityError, n, "position must be a whole number from 1 on", "Write 1 for the first to be asked.")
		return 0
	}
	return int(n.i)
}
