package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/agext/levenshtein"

	"wadi/nomad"
	"wadi/spec"
	"wadi/stage/lifecycle"
)

// bind finds the service instances that an app asks for.
func bind(app spec.App, declared map[string]spec.ServiceInstance, who identity) ([]binding, spec.Diagnostics) {
	var out []binding
	var diags spec.Diagnostics
	names := map[string]bool{}
	for i, s := range app.Services {
		field := fmt.Sprintf("services[%d]", i)
		instance, ok := declared[s.Name]
		if !ok {
			diags = append(diags, at(app, field, spec.SeverityError,
				fmt.Sprintf("For application '%s': Service instance '%s' not found", app.Name, s.Name), howToDeclare(s.Name, declared)))
			continue
		}
		if len(s.Parameters) > 0 {
			diags = append(diags, at(app, field, spec.SeverityError,
				fmt.Sprintf("app %q: the binding of %q has parameters, which no service broker is there to read", app.Name, s.Name),
				"Put what the app needs into the credentials of the service instance."))
		}
		if instance.RouteServiceURL != "" {
			diags = append(diags, at(app, field, spec.SeverityError,
				fmt.Sprintf("app %q: route services are not supported yet (route_service_url of %q)", app.Name, s.Name), "Take it out of the service instance."))
		}
		name := s.Name
		if s.BindingName != "" {
			name = s.BindingName
		}
		if names[name] {
			diags = append(diags, at(app, field, spec.SeverityError,
				fmt.Sprintf("app %q: two bindings have the name %q", app.Name, name), "Give one of them another binding_name."))
		}
		names[name] = true
		guid, entry := who.entry(instance, s.BindingName)
		label := entry["label"].(string)
		out = append(out, binding{Instance: s.Name, Name: name, GUID: guid, Label: label, Entry: entry,
			Variable: instance.CredentialsVariable, Sensitive: instance.Sensitive})
	}
	return out, diags
}

func howToDeclare(name string, declared map[string]spec.ServiceInstance) string {
	text := fmt.Sprintf("Declare it in a wadi.hcl beside the manifest:\n\n  service_instance %q {\n    credentials = { uri = \"…\" }\n  }", name)
	best, bestDistance := "", 4
	for _, other := range slices.Sorted(maps.Keys(declared)) {
		if d := levenshtein.Distance(name, other, nil); d < bestDistance {
			best, bestDistance = other, d
		}
	}
	if best != "" {
		text = fmt.Sprintf("Did you mean %q? ", best) + text
	}
	return text
}

// services is how a task is told of the bindings.
func services(app spec.App, bindings []binding) lifecycle.Services {
	all := map[string][]any{}
	s := lifecycle.Services{}
	for i, b := range bindings {
		all[b.Label] = append(all[b.Label], b.Entry)
		if b.Variable != "" {
			if s.CredentialFiles == nil {
				s.CredentialFiles = map[string]string{}
			}
			s.CredentialFiles[b.GUID] = credentialsFile(i)
		}
	}
	s.VCAPServices = mustJSON(all)
	switch {
	case app.Features["service-binding-k8s"]:
		s.ServiceFiles = lifecycle.ServicesK8s
	case app.Features["file-based-vcap-services"]:
		s.ServiceFiles = lifecycle.ServicesInFile
	}
	return s
}

func credentialsFile(i int) string { return fmt.Sprintf("credentials-%d.json", i) }

// credentials are the Variables that Nomad makes files of for the task.
func credentials(bindings []binding) []nomad.Credentials {
	var out []nomad.Credentials
	for i, b := range bindings {
		if b.Variable != "" {
			out = append(out, nomad.Credentials{Path: b.Variable, File: credentialsFile(i)})
		}
	}
	return out
}

// servicesKey is what a staging key knows of the bindings: all that the
// build sees, and in place of values that only tasks read the version of the
// Variable that they are in.
func servicesKey(s lifecycle.Services, bindings []binding) []byte {
	versions := map[string]uint64{}
	for _, b := range bindings {
		if b.Variable != "" {
			versions[b.Variable] = b.Index
		}
	}
	return mustJSON(map[string]any{"services": s, "variables": versions})
}

// observeVariables finds the version of each Variable that bindings name. It
// reads no value.
func (r *Reconciler) observeVariables(ctx context.Context, app string, bindings []binding) error {
	for i, b := range bindings {
		if b.Variable == "" {
			continue
		}
		index, err := r.Nomad.VariableIndex(ctx, b.Variable)
		if err != nil {
			return fmt.Errorf("app %q, service instance %q: %w", app, b.Instance, err)
		}
		if index == 0 {
			return &MissingVariableError{App: app, Instance: b.Instance, Path: b.Variable, Space: r.Nomad.Space}
		}
		bindings[i].Index = index
	}
	return nil
}

// MissingVariableError is a service instance whose credentials are nowhere.
type MissingVariableError struct{ App, Instance, Path, Space string }

func (e *MissingVariableError) Error() string {
	return fmt.Sprintf("app %q: the credentials of service instance %q are in the Nomad Variable %s of space %s, which does not exist", e.App, e.Instance, e.Path, e.Space)
}

// Hint says what to do next.
func (e *MissingVariableError) Hint() string {
	return fmt.Sprintf("nomad var put -namespace %s %s uri=…", e.Space, e.Path)
}
