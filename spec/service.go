package spec

import "fmt"

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
			d.err(inField(n, item), wrong, fmt.Sprintf("Line %d: %s.", item.line, problem))
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
