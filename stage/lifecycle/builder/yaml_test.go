package builder

import (
	"testing"

	yamlv2 "go.yaml.in/yaml/v2"
	"go.yaml.in/yaml/v3"
)

func TestPlainYAML(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		parse      func([]byte, any) error
		into       any
		text, want string
	}{
		"struct": {yamlv2.Unmarshal, &launchFile{}, "x", "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `x` into a map"},
		"list":   {yamlv2.Unmarshal, &launchFile{}, "processes: 7", "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!int `7` into a list"},
		"two":    {yamlv2.Unmarshal, &launchProcess{}, "type: []\nlimits: {memory: a into b}", "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into a string\n  line 2: cannot unmarshal !!str `a into b` into a whole number"},
		"v3":     {yaml.Unmarshal, &buildpackConfig{}, "config: x", "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `x` into a map"},
		"twice":  {yaml.Unmarshal, &buildpackConfig{}, "name: a\nname: b", "yaml: unmarshal errors:\n  line 2: mapping key \"name\" already defined at line 1"},
		"syntax": {yamlv2.Unmarshal, &launchFile{}, "a: [", "yaml: line 1: did not find expected node content"},
	} {
		if err := test.parse([]byte(test.text), test.into); err == nil || plainYAML(err).Error() != test.want {
			t.Errorf("%s: %v", name, plainYAML(err))
		}
	}
}
