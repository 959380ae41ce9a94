package spec

import (
	"bytes"
	"errors"
	"io"
	"math"
	"regexp"
	"testing"
	"unicode/utf8"

	yamlv2 "go.yaml.in/yaml/v2"
)

// sameAsV2 compares our reading of a document with yaml.v2's.
func sameAsV2(n *node, v any) bool {
	if n == nil {
		return v == nil
	}
	switch v := v.(type) {
	case nil:
		return n.kind == kindNull
	case bool:
		return n.kind == kindBool && n.b == v
	case int:
		return n.kind == kindInt && n.i == int64(v)
	case int64:
		return n.kind == kindInt && n.i == v
	case uint64:
		return n.kind == kindInt
	case float64:
		return n.kind == kindFloat && (n.f == v || math.IsNaN(n.f) && math.IsNaN(v))
	case string:
		return n.kind == kindString && n.str == v
	case []any:
		if n.kind != kindList || len(n.items) != len(v) {
			return false
		}
		for i := range v {
			if !sameAsV2(n.items[i], v[i]) {
				return false
			}
		}
		return true
	case map[any]any:
		if n.kind != kindMap || len(n.entries) > len(v) {
			return false
		}
		matched := 0
		for k, val := range v {
			for _, e := range n.entries {
				if sameAsV2(e.key, k) || nanKey(e.key, k) {
					if !sameAsV2(e.val, val) {
						return false
					}
					matched++
					break
				}
			}
		}
		return matched == len(v)
	}
	return false
}

func nanKey(n *node, k any) bool {
	f, ok := k.(float64)
	return ok && math.IsNaN(f) && n.kind == kindFloat && math.IsNaN(n.f)
}

var bareTag = regexp.MustCompile(`!([^!a-zA-Z<]|$)`)

var yamlSeeds = []string{
	"", "~", "a: 1", "a: yes\non: 2\nn: 3", "x: 0777\ny: 1_000\nz: 0b11\nw: 0x1F\nv: 0o17",
	"x: 1.10\ny: 5.0\nz: 1e3\nw: .5\nv: -.inf\nu: .nan", "d: 2001-12-14\nt: 12:30",
	"a: &x {b: 1}\nc: *x", "a: &x {b: 1, c: 2}\nd: {b: 3, <<: *x}\ne: {<<: *x, b: 3}",
	"a: &x {b: 1}\nb: &y {b: 2, c: 3}\nc: {<<: [*x, *y]}", "a: 1\na: 2", "1: a\n\"1\": b",
	"a: !!str 5\nb: !!int \"5\"\nc: !!float 5\nd: !!binary aGk=", "a: |\n  x\n  y\nb: >\n  x\n  y\n",
	"\xef\xbb\xbfa: 1", "a: 1\r\nb: 2\r\n", "[1, [2, {a: ~}]]", "- a\n- \"b\\n\"\n- 'c'", "a: &x [*x]", "? a\n: b",
	"\"<<\": {a: 1}", "a: +1\nb: -0b1\nc: 18446744073709551615\nd: 99999999999999999999", "a: !foo bar", "a:\n\tb: 1",
}

func TestYAMLAsV2(t *testing.T) {
	t.Parallel()
	for _, doc := range yamlSeeds {
		checkAgainstV2(t, []byte(doc))
	}
}

func FuzzYAMLAsV2(f *testing.F) {
	for _, doc := range yamlSeeds {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkAgainstV2(t, data) })
}

// checkAgainstV2 wants what yaml.v2 makes of a document: the same value, or a
// refusal. One difference is on purpose: yaml.v2 stops at the end of the first
// document and says nothing of what follows, not even that it is broken.
func checkAgainstV2(t *testing.T, data []byte) {
	t.Helper()
	// yaml.v3's nodes do not keep the non-specific tag "!".
	if bareTag.Match(data) {
		return
	}
	n, _, err := parseYAML(data)
	var v any
	err2 := yamlv2.Unmarshal(data, &v)
	switch {
	case err == nil && err2 != nil:
		t.Fatalf("%q: yaml.v2 refuses it: %v", data, err2)
	case err != nil && err2 == nil && utf8.Valid(data) && !brokenLater(data):
		t.Fatalf("%q: yaml.v2 reads %#v, we say: %v", data, v, err)
	}
	if err != nil {
		return
	}
	if !sameAsV2(n, v) {
		t.Fatalf("%q: yaml.v2 reads %#v, we read %+v", data, v, n)
	}
}

// brokenLater says whether yaml.v2 stumbles over what follows the first
// document.
func brokenLater(data []byte) bool {
	dec := yamlv2.NewDecoder(bytes.NewReader(data))
	var v any
	if dec.Decode(&v) != nil {
		return false
	}
	err := dec.Decode(&v)
	return err != nil && !errors.Is(err, io.EOF)
}

// TestSyntaxErrorLine: the parser tells the line of what it was reading; the
// one to look at is where it gave up.
func TestSyntaxErrorLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		line int
	}{
		"a key too far left":     {"applications:\n- name: a\n  memory: 64M\n instances: 2\n- name: b\n", 4},
		"a list never closed":    {"applications:\n- name: a\n  env:\n    A: [1, 2\n    B: 3\n", 4},
		"an entry too far right": {"applications:\n- name: a\n  routes:\n  - route: a.b\n   - route: c.d\nname: c\n", 5},
		"the last line, unended": {"a:\n- b\n c: 1", 3},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parseYAML([]byte(c.text))
			var at *yamlError
			if !errors.As(err, &at) || at.line != c.line {
				t.Errorf("%v, want line %d", err, c.line)
			}
		})
	}
}
