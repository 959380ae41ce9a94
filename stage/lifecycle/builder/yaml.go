package builder

import (
	"errors"
	"slices"
	"strings"

	yamlv2 "go.yaml.in/yaml/v2"
	"go.yaml.in/yaml/v3"
)

// plainYAML says what is wrong with a YAML file without the names of types in
// this program, which are what yaml tells where a value is of another kind.
func plainYAML(err error) error {
	var v2 *yamlv2.TypeError
	var v3 *yaml.TypeError
	var all []string
	switch {
	case errors.As(err, &v2):
		all = v2.Errors
	case errors.As(err, &v3):
		all = v3.Errors
	default:
		return err
	}
	all = slices.Clone(all)
	for i, text := range all {
		if cut := strings.LastIndex(text, " into "); cut >= 0 {
			all[i] = text[:cut] + " into " + plainType(text[cut+len(" into "):])
		}
	}
	return &yamlv2.TypeError{Errors: all}
}

// plainType is what a Go type is in YAML.
func plainType(name string) string {
	switch {
	case name == "string":
		return "a string"
	case name == "int":
		return "a whole number"
	case strings.HasPrefix(name, "[]"):
		return "a list"
	}
	return "a map"
}
