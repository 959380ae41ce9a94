package spec

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// sidecars reads the helper processes.
func (d *appDecoder) sidecars(f fields) {
	n := f["sidecars"]
	if n == nil {
		return
	}
	const wrong = "Sidecars must be an array of sidecar configurations"
	if n.kind != kindList {
		d.err(n, wrong, "Write a list: `- name: proxy`.")
		return
	}
	d.app.Sidecars = []Sidecar{}
	for i, item := range n.items {
		if item.kind != kindMap {
			d.err(item, wrong, "Write a list of maps: `- name: proxy`.")
			continue
		}
		d.app.Sidecars = append(d.app.Sidecars, d.sidecar(item, i))
	}
	d.sidecarMemory(n)
}

func (d *appDecoder) sidecar(n *node, index int) Sidecar {
	var s Sidecar
	// Cloud Foundry writes its sentences small where a sidecar has no name.
	label := func(sentence string) string { return "Sidecar " + strings.ToLower(sentence[:1]) + sentence[1:] }
	if name := n.get("name"); name != nil && strings.TrimSpace(name.text()) != "" {
		s.Name = name.text()
		label = func(sentence string) string { return fmt.Sprintf("Sidecar %q: %s", s.Name, sentence) }
	}
	d.sidecarText(n, "name", label)
	if command, ok := d.sidecarText(n, "command", label); ok {
		s.Command = command.str
		d.hide(indexed("sidecars", index)+".command", command)
	}
	s.ProcessTypes = d.processTypes(n, label)
	s.MemoryMB = d.sidecarMB(n.get("memory"), indexed("sidecars", index)+".memory", label)
	if d.hcl {
		return s
	}
	known := names(sidecarTable)
	for _, e := range n.entries {
		if !slices.Contains(known, e.key.text()) {
			d.unknownKey(e.key, "a sidecar", known)
		}
	}
	return s
}

// sidecarText is a text that a sidecar must have. What is missing is, to Cloud
// Foundry, both blank and not a string.
func (d *appDecoder) sidecarText(n *node, key string, label func(string) string) (*node, bool) {
	v := n.get(key)
	what, fix := strings.ToUpper(key[:1])+key[1:], fmt.Sprintf("Give the sidecar a %s.", key)
	isText := v != nil && v.kind == kindString
	if v == nil || strings.TrimSpace(v.text()) == "" && v.kind != kindList && v.kind != kindMap {
		d.err(orMissing(v, n, key), label(what+" can't be blank"), fix)
		if isText || d.hcl {
			return nil, false
		}
	}
	if !isText {
		d.err(orMissing(v, n, key), label(what+" must be a string"), "Write one text; quote it if it looks like a number.")
	}
	return v, isText
}

// orMissing is the place of a key's value, or of the map that lacks the key.
func orMissing(v, n *node, key string) *node {
	if v != nil {
		return v
	}
	at := *n
	at.field += "." + key
	return &at
}

func orNode(n, otherwise *node) *node {
	if n != nil {
		return n
	}
	return otherwise
}

func (d *appDecoder) processTypes(n *node, label func(string) string) []string {
	types := n.get("process_types")
	fix := d.how("Name the processes it runs beside: `process_types: [web]`.", `Name the processes it runs beside: process_types = ["web"].`)
	isList := types != nil && types.kind == kindList
	if !isList && !(d.hcl && types == nil) {
		d.err(orMissing(types, n, "process_types"), label("Process types must be an array"), fix)
	}
	if types == nil || types.kind == kindNull || isList && len(types.items) == 0 {
		d.err(orMissing(types, n, "process_types"), label("Process types must have at least 1 process_type"), fix)
	}
	if !isList {
		return nil
	}
	var out []string
	for _, t := range types.items {
		if t.kind == kindList || t.kind == kindMap || t.text() == "" {
			d.err(t, label("Process types must be strings"), fix)
			continue
		}
		out = append(out, t.text())
	}
	return out
}

// sidecarMB reads a sidecar's memory: a size, or a bare number of megabytes.
func (d *appDecoder) sidecarMB(n *node, path string, label func(string) string) *int {
	if n == nil || n.kind == kindNull {
		return nil
	}
	d.hide(path, n)
	var mb int64
	problem, fix := "", "Write a size such as 64M, or a whole number of megabytes."
	if bytes, err := ParseSize(n.text()); err == nil {
		mb = bytes / (1 << 20)
	} else {
		mb, problem = wholeNumber(n, d.hcl)
	}
	switch {
	case problem == "" && mb <= 0:
		problem, fix = "must be greater than 0", "Write at least 1M."
	case problem == "" && mb > math.MaxInt32:
		problem = fmt.Sprintf("must be less than or equal to %d", math.MaxInt32)
	}
	if problem != "" {
		d.err(n, label("Memory in mb "+problem), fix)
		return nil
	}
	value := int(mb)
	return &value
}

// sidecarMemory checks that the sidecars of a process leave it some memory.
func (d *appDecoder) sidecarMemory(list *node) {
	memory := map[string]int{}
	for _, p := range EffectiveProcesses(d.app) {
		memory[p.Type] = *p.MemoryMB
	}
	used := map[string]int{}
	for i, s := range d.app.Sidecars {
		if s.MemoryMB == nil {
			continue
		}
		for _, t := range s.ProcessTypes {
			total, known := memory[t]
			if !known {
				total = DefaultMemoryMB
			}
			before := used[t]
			used[t] += *s.MemoryMB
			if before < total && used[t] >= total && i < len(list.items) {
				d.err(orNode(list.items[i].get("memory"), list.items[i]),
					fmt.Sprintf("The memory allocation defined is too large to run with the dependent %q process", t),
					fmt.Sprintf("Sidecars share the %d MB of their process: give it more, or them less.", total))
			}
		}
	}
}
