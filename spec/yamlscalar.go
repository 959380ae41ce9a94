package spec

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The scalars of YAML 1.1 as gopkg.in/yaml.v2 resolves them (resolve.go), which is
// what cf reads manifests with. yaml.v3 differs: there "yes" is a string.

var yamlWords = map[string]node{}

func init() {
	add := func(n node, words ...string) {
		for _, w := range words {
			yamlWords[w] = n
		}
	}
	add(node{kind: kindBool, b: true}, "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
	add(node{kind: kindBool}, "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
	add(node{kind: kindNull}, "", "~", "null", "Null", "NULL")
	add(node{kind: kindFloat, f: math.NaN()}, ".nan", ".NaN", ".NAN")
	add(node{kind: kindFloat, f: math.Inf(1)}, ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF")
	add(node{kind: kindFloat, f: math.Inf(-1)}, "-.inf", "-.Inf", "-.INF")
}

var yamlFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

const (
	tagNull      = "!!null"
	tagBool      = "!!bool"
	tagInt       = "!!int"
	tagFloat     = "!!float"
	tagString    = "!!str"
	tagBinary    = "!!binary"
	tagTimestamp = "!!timestamp"
	tagMerge     = "!!merge"
)

// resolvePlain answers the value of a plain (unquoted, untagged) scalar.
// Dates stay strings, as in cf.
func resolvePlain(in string) node {
	if n, ok := yamlWords[in]; ok {
		return n
	}
	if in == "" {
		return node{}
	}
	switch c := in[0]; {
	case c == '.':
		if f, err := strconv.ParseFloat(in, 64); err == nil {
			return node{kind: kindFloat, f: f}
		}
	case c == '+' || c == '-' || c >= '0' && c <= '9':
		if isTimestamp(in) {
			break
		}
		if n, ok := resolveNumber(strings.ReplaceAll(in, "_", "")); ok {
			return n
		}
	}
	return node{kind: kindString, str: in}
}

// resolveNumber reads decimal, hexadecimal (0x), octal (0, 0o), binary (0b)
// integers and floats.
func resolveNumber(plain string) (node, bool) {
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return intNode(i), true
	}
	if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
		return node{kind: kindInt, i: math.MaxInt64, digit: strconv.FormatUint(u, 10)}, true
	}
	if yamlFloat.MatchString(plain) {
		if f, err := strconv.ParseFloat(plain, 64); err == nil {
			return node{kind: kindFloat, f: f}, true
		}
	}
	if rest, ok := strings.CutPrefix(plain, "0b"); ok {
		if i, err := strconv.ParseInt(rest, 2, 64); err == nil {
			return intNode(i), true
		}
		if u, err := strconv.ParseUint(rest, 2, 64); err == nil {
			return node{kind: kindInt, i: math.MaxInt64, digit: strconv.FormatUint(u, 10)}, true
		}
	} else if rest, ok := strings.CutPrefix(plain, "-0b"); ok {
		if i, err := strconv.ParseInt("-"+rest, 2, 64); err == nil {
			return intNode(i), true
		}
	}
	return node{}, false
}

func intNode(i int64) node {
	return node{kind: kindInt, i: i, digit: strconv.FormatInt(i, 10)}
}

var timestampFormats = []string{
	"2006-1-2T15:4:5.999999999Z07:00",
	"2006-1-2t15:4:5.999999999Z07:00",
	"2006-1-2 15:4:5.999999999",
	"2006-1-2",
}

func isTimestamp(s string) bool {
	if len(s) < 5 || s[4] != '-' || strings.Trim(s[:4], "0123456789") != "" {
		return false
	}
	for _, format := range timestampFormats {
		if _, err := time.Parse(format, s); err == nil {
			return true
		}
	}
	return false
}

// resolveTagged answers the value of a scalar with an explicit tag (in its
// short form); a value that is not of the tag's type is an error.
func resolveTagged(tag, in string) (node, error) {
	text := node{kind: kindString, str: in}
	n := resolvePlain(in)
	switch tag {
	case tagString:
		return text, nil
	case tagBinary:
		data, err := base64.StdEncoding.DecodeString(in)
		if err != nil {
			return node{}, fmt.Errorf("!!binary value contains invalid base64 data: %w", err)
		}
		return node{kind: kindString, str: string(data)}, nil
	case tagNull, tagBool, tagInt:
		want := map[string]kind{tagNull: kindNull, tagBool: kindBool, tagInt: kindInt}[tag]
		if n.kind == want {
			return n, nil
		}
	case tagFloat:
		if n.kind == kindFloat {
			return n, nil
		}
		// yaml.v2 turns 64-bit integers, and no larger ones, into floats.
		if n.kind == kindInt && n.digit == strconv.FormatInt(n.i, 10) {
			return node{kind: kindFloat, f: float64(n.i)}, nil
		}
	case tagTimestamp:
		if isTimestamp(in) {
			return text, nil
		}
	default:
		return text, nil
	}
	return node{}, fmt.Errorf("cannot decode `%s` as a %s", in, tag)
}
