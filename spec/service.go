package spec

import (
	"fmt"
	"strings"
)

// services reads the bindings. Whatever is wrong anywhere in the list, Cloud
// Foundry has one sentence for it; the detail names the place.
func (d *appDecoder) services(f fields) {
	n := f["services"]
	if n == nil {
		return
	}
	const wrong = "Services must be a list of service instances"
	if n.kind != kindList {
		d.err(n, wrong, d.how("Write a list of names: `- my-database`.", `Write a list of names: services = ["my-database"].`))
		return
	}
	services := []Service{}
	for i, item := range n.items {
		s, problem := readService(item)
		if problem != "" {
			d.err(n, wrong, fmt.Sprintf("Line %d: %s.", item.line, problem))
			return
		}
		d.hide(indexed("services", i), item)
		services = append(services, s)
	}
	d.app.Services = services
}

func readService(n *node) (s Service, problem string) {
	const name = "a service instance is its name, or a map with name, parameters and binding_name"
	if n.kind == kindString && n.str != "" {
		return Service{Name: n.str}, ""
	}
	if n.kind != kindMap {
		return s, name
	}
	for _, e := range n.entries {
		switch key := e.key.text(); key {
		case "name", "binding_name":
			if e.val.kind != kindString || e.val.str == "" {
				return s, key + " must be a string"
			}
			if key == "name" {
				s.Name = e.val.str
			} else {
				s.BindingName = e.val.str
			}
		case "parameters":
			if e.val.kind != kindMap {
				return s, "parameters must be a map"
			}
			s.Parameters, _ = e.val.goValue().(map[string]any)
		case "binding-name":
			return s, "the key is binding_name, with _"
		default:
			return s, "the key " + key + " is not known; " + name
		}
	}
	if s.Name == "" {
		return s, "name is missing"
	}
	return s, ""
}

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
	name := n.get("name")
	label := `Sidecar `
	if name == nil || strings.TrimSpace(name.text()) == "" {
		d.err(orNode(name, n), "Sidecar name can't be blank", "Give every sidecar a name.")
	} else {
		s.Name = name.text()
		label = fmt.Sprintf("Sidecar %q: ", s.Name)
		if name.kind != kindString {
			d.err(name, label+"Name must be a string", "Quote the name.")
		}
	}
	command := n.get("command")
	switch {
	case command == nil || command.kind == kindNull || command.kind == kindString && strings.TrimSpace(command.str) == "":
		d.err(orNode(command, n), label+"Command can't be blank", "Give the sidecar a command.")
	case command.kind != kindString:
		d.err(command, label+"Command must be a string", "Quote the command.")
	default:
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
		if !contains(known, e.key.text()) {
			d.unknownKey(e.key, "a sidecar", known)
		}
	}
	return s
}

func orNode(n, otherwise *node) *node {
	if n != nil {
		return n
	}
	return otherwise
}

func (d *appDecoder) processTypes(n *node, label string) []string {
	types := n.get("process_types")
	fix := d.how("Name the processes it runs beside: `process_types: [web]`.", `Name the processes it runs beside: process_types = ["web"].`)
	if types != nil && types.kind != kindNull && types.kind != kindList {
		d.err(types, label+"Process types must be an array", fix)
		return nil
	}
	if types == nil || len(types.items) == 0 {
		d.err(orNode(types, n), label+"Process types must have at least 1 process_type", fix)
		return nil
	}
	var out []string
	for _, t := range types.items {
		if t.kind == kindList || t.kind == kindMap || t.text() == "" {
			d.err(t, label+"Process types must be strings", fix)
			continue
		}
		out = append(out, t.text())
	}
	return out
}

// sidecarMB reads a sidecar's memory: a size, or a bare number of megabytes.
func (d *appDecoder) sidecarMB(n *node, path, label string) *int {
	if n == nil || n.kind == kindNull || n.kind == kindString && strings.TrimSpace(n.str) == "" {
		return nil
	}
	if bytes, err := ParseSize(n.text()); err == nil {
		mb := int(floorDiv(bytes, 1<<20))
		if mb > 0 {
			return &mb
		}
		d.err(n, label+"Memory in mb must be greater than 0", "Write at least 1M.")
		return nil
	}
	outer := d.prefix
	d.prefix += label
	defer func() { d.prefix = outer }()
	return d.number(n, path, numberRule{label: "Memory in mb", min: 1})
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
