package spec

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
)

// readStacks reads the blocks that say where apps run.
func (m *module) readStacks() {
	for _, b := range m.blocks["stack"] {
		name := b.Labels[0]
		field := "stack." + name
		m.broken = nil
		n := m.attributeMap(b.src, b.Block, field, "a stack", hclAttributes(stackTable), hclBlocks(stackTable)...)
		for _, inner := range b.Body.Blocks {
			if inner.Type == "constraint" {
				m.constraint(b.src, inner, n, field)
			}
		}
		if len(m.broken) > 0 {
			continue
		}
		s := Stack{Name: name, Pos: b.src.pos(n)}
		s.Driver = m.plainText(b.src, n.get("driver"))
		s.Placement = m.placement(b, n)
		s.Priority = m.priority(b.src, n.get("priority"))
		s.Image = m.plainText(b.src, n.get("image"))
		switch {
		case s.Driver == "docker" && s.Image == "" && n.get("image") == nil:
			b.src.add(SeverityError, n, fmt.Sprintf("stack %q has no image", name), `A stack of docker needs its root file system: image = "…".`)
		case s.Driver == "raw_exec" && s.Image != "":
			b.src.add(SeverityError, n.get("image"), fmt.Sprintf("stack %q of raw_exec has an image", name), "raw_exec runs on the host's own file system: remove the image, or use docker.")
		case s.Driver != "docker" && s.Driver != "raw_exec":
			b.src.add(SeverityError, orNode(n.get("driver"), n), fmt.Sprintf("the driver of stack %q must be raw_exec or docker", name), `Write driver = "raw_exec" or driver = "docker".`)
		}
		if m.l.doc.Stacks == nil {
			m.l.doc.Stacks = map[string]Stack{}
		}
		if first, twice := m.l.doc.Stacks[name]; twice && !sameStack(first, s) {
			b.src.add(SeverityError, n, fmt.Sprintf("stack %q is declared differently at %s", name, m.l.place(first.Pos)), "Apps of one command share their stacks: make the two equal, or rename one.")
			continue
		}
		m.l.doc.Stacks[name] = s
	}
}

// placement reads where a stack is.
func (m *module) placement(b hclBlock, n *node) Placement {
	return placementReader{get: n.get, fail: func(n *node, summary, detail string) {
		b.src.add(SeverityError, n, redact(n, summary), redact(n, detail))
	}}.read()
}

func (m *module) priority(src *source, n *node) *int {
	if n == nil || n.kind == kindNull {
		return nil
	}
	if n.kind != kindInt || n.i < 1 || n.i > maxPriority || n.secret {
		src.add(SeverityError, n, "priority must be a whole number from 1 to "+strconv.Itoa(maxPriority), "Nomad's own is 50; more than 100 needs a Nomad that allows it.")
		return nil
	}
	value := int(n.i)
	return &value
}

func sameStack(a, b Stack) bool {
	a.Pos, b.Pos = Pos{}, Pos{}
	return reflect.DeepEqual(a, b)
}

// variablePath is Nomad's rule for the paths of Variables.
var variablePath = regexp.MustCompile(`^[a-zA-Z0-9\-_~/]{1,128}$`)

// readServiceInstances reads user-provided service instances.
func (m *module) readServiceInstances() {
	for _, b := range m.blocks["service_instance"] {
		name := b.Labels[0]
		m.broken = nil
		n := m.attributeMap(b.src, b.Block, "service_instance."+name, "a service instance", hclAttributes(serviceInstanceTable))
		if len(m.broken) > 0 {
			continue
		}
		s := ServiceInstance{Name: name, Pos: b.src.pos(n)}
		s.Label = m.plainText(b.src, n.get("label"))
		s.Plan = m.plainText(b.src, n.get("plan"))
		s.SyslogDrainURL = m.plainText(b.src, n.get("syslog_drain_url"))
		s.RouteServiceURL = m.plainText(b.src, n.get("route_service_url"))
		if c := n.get("credentials"); c != nil && c.kind != kindNull {
			if c.kind != kindMap {
				b.src.add(SeverityError, c, fmt.Sprintf("the credentials of service instance %q must be an object", name), `Write credentials = { uri = "…" }.`)
			}
			s.Credentials, _ = c.goValue().(map[string]any)
		}
		s.CredentialsVariable = m.plainText(b.src, n.get("credentials_variable"))
		switch {
		case s.CredentialsVariable == "":
		case s.Credentials != nil:
			b.src.add(SeverityError, n.get("credentials_variable"), fmt.Sprintf("service instance %q has both credentials and credentials_variable", name), "Give one of them.")
		case !variablePath.MatchString(s.CredentialsVariable):
			b.src.add(SeverityError, n.get("credentials_variable"), fmt.Sprintf("%q is no path of a Nomad Variable", s.CredentialsVariable),
				"A path has 1 to 128 characters of a-z, A-Z, 0-9, - _ ~ and /.")
		}
		if tags := n.get("tags"); tags != nil {
			s.Tags = m.textList(b.src, tags)
		}
		_, s.Sensitive = n.tainted()
		if m.l.doc.ServiceInstances == nil {
			m.l.doc.ServiceInstances = map[string]ServiceInstance{}
		}
		if first, twice := m.l.doc.ServiceInstances[name]; twice {
			b.src.add(SeverityError, n, fmt.Sprintf("service instance %q is also declared at %s", name, m.l.place(first.Pos)), "Rename or remove one.")
			continue
		}
		m.l.doc.ServiceInstances[name] = s
	}
}

// plainText is a string attribute; "" if it is not there or not a string.
func (m *module) plainText(src *source, n *node) string {
	if n == nil || n.kind == kindNull {
		return ""
	}
	if n.kind != kindString {
		src.add(SeverityError, n, "must be a string, here is "+n.kind.String(), "Quote the value.")
		return ""
	}
	return n.str
}

func (m *module) textList(src *source, n *node) []string {
	if n.kind != kindList {
		src.add(SeverityError, n, "must be a list of strings", `Write ["a", "b"].`)
		return nil
	}
	var out []string
	for _, item := range n.items {
		out = append(out, m.plainText(src, item))
	}
	return out
}
