package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// object is a JSON object.
type object = map[string]any

const (
	// A value that is one ((variable)) may turn out to be of any type; a text
	// that has one may turn out to be any text.
	variableAlone = `^\(\([^()\s]+\)\)$`
	variableIn    = `\(\([^()\s]+\)\)`
	// booleans of YAML 1.1, which editors take for texts
	booleanWords = `^([yYnN]|[yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF|[tT]rue|TRUE|[fF]alse|FALSE)$`
	sizeWords    = `[0-9]+(\.[0-9]+)?([kKmMgGtT][iI]?[bB]?|[bB])`
)

// manifestSchema is the JSON Schema of manifest.yml, made from the tables of
// keys: draft-07, the latest that the YAML servers of editors know. It lets
// through whatever the parser takes.
func manifestSchema() ([]byte, error) {
	process := mapSchema(processEntryTable, false, "#/definitions/process")
	process["patternProperties"].(object)[anySpelling("health_check_timeout")] = false
	app := mapSchema(slices.DeleteFunc(slices.Clone(appKeyTable), func(k key) bool { return k.listed }), false, "#/definitions/app")
	for name, fix := range formerKeys {
		app["properties"].(object)[strings.ReplaceAll(name, "_", "-")] = object{
			"deprecationMessage": "Ignored since cf version 7. " + fix, "doNotSuggest": true}
	}
	root := mapSchema(documentTable, false, "")
	apps := root["properties"].(object)["applications"].(object)
	apps["items"] = object{"$ref": "#/definitions/app"}
	apps["if"] = object{"type": "array", "minItems": 2}
	apps["then"] = object{"items": object{"required": []string{"name"}}}
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["$comment"] = "Made from the tables of keys in spec; a test writes it (go test ./spec -run TestSchemaIsFresh -update)."
	root["title"] = "manifest.yml"
	root["description"] = "Apps of Cloud Foundry, as wadi reads them."
	root["definitions"] = object{"app": app, "process": process}
	app["properties"].(object)["processes"].(object)["items"] = object{"$ref": "#/definitions/process"}

	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(root)
	return text.Bytes(), err
}

// mapSchema is a map with keys; others are let through unless it is closed. At
// is its place in the schema if its keys may be written with "-" and with "_".
func mapSchema(keys []key, closed bool, at string) object {
	properties, patterns, required := object{}, object{}, []string{}
	for _, k := range keys {
		spelled := k.writtenYAML()
		if spelled == "" {
			continue
		}
		schema := valueSchema(k)
		describe(schema, k)
		properties[spelled] = schema
		if pattern := anySpelling(k.name); pattern != "" && at != "" {
			patterns[pattern] = object{"$ref": at + "/properties/" + spelled}
		}
		if k.needed {
			required = append(required, spelled)
		}
	}
	out := object{"type": []string{"object", "string"}, "pattern": variableAlone, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	if closed {
		patterns[variableIn] = true
		out["additionalProperties"] = false
	}
	if len(patterns) > 0 {
		out["patternProperties"] = patterns
	}
	return out
}

// anySpelling matches a key with "-" and with "_".
func anySpelling(name string) string {
	if !strings.Contains(name, "_") {
		return ""
	}
	return "^" + strings.ReplaceAll(name, "_", "[-_]") + "$"
}

// valueSchema is the schema of a key's value as a manifest may have it.
func valueSchema(k key) object {
	out := kindSchema(k.value)
	switch k.name { // where manifests differ from HCL
	case "timeout":
		out["minimum"], out["maximum"] = 0, cfMaxTimeoutS
	case "lifecycle":
		return object{"examples": k.value.words} // others are ignored, with a warning
	case "health_check_type":
		out["anyOf"] = append(out["anyOf"].([]any), object{"enum": []string{"none", ""}, "doNotSuggest": true})
	case "health_check_http_endpoint":
		out["pattern"] = "^$|" + out["pattern"].(string)
	case "env":
		out["propertyNames"] = object{"minLength": 1, "not": object{"pattern": `^([vV][cC][aA][pP]_|[vV][mM][cC]|[pP][oO][rR][tT]$)`}}
	}
	return out
}

// advice is what editors say where a value is of another kind; some of it is
// the parser's.
var advice = map[valueKind]string{
	strictText: "Write a text; quote it if it looks like a number.",
	sizeText:   "Write a number and a unit, such as 256M or 1.5G.",
	rateText:   "Write a size a second, such as 16K, or -1 for no limit.",
	wholeCLI:   "Write a whole number without quotes.",
	wholeCC:    "Write a whole number.",
	yesOrNo:    "Write true or false without quotes.",
	urlPath:    "Write a path that starts with one / and has no blanks, such as /health.",
	listOf:     "Write a list, each item after a -.",
	mapOf:      "Write one `key: value` a line.",
}

func kindSchema(v value) object {
	out := bareSchema(v)
	if text := advice[v.kind]; text != "" {
		// words of the YAML servers, which JSON Schema does not have
		out["errorMessage"], out["patternErrorMessage"] = text, text
	}
	return out
}

func bareSchema(v value) object {
	types := func(names ...string) []string {
		if v.orNull {
			names = append(names, "null")
		}
		return names
	}
	bounded := func(out object, least, most string) object {
		if v.min > 0 {
			out[least] = v.min
		}
		if v.max > 0 {
			out[most] = v.max
		}
		return out
	}
	switch v.kind {
	case anyText:
		return bounded(object{"type": types("string", "number", "boolean")}, "minLength", "maxLength")
	case strictText:
		return bounded(object{"type": types("string")}, "minLength", "maxLength")
	case sizeText:
		if v.min > 0 { // a sidecar's may be a number of MB
			return object{"type": types("string", "number"), "minimum": v.min, "pattern": `^\s*(` + sizeWords + `|[0-9]+)?\s*$|` + variableIn}
		}
		return object{"type": types("string"), "pattern": `^\s*(` + sizeWords + `)?\s*$|` + variableIn}
	case rateText:
		return object{"type": types("string", "integer"), "minimum": -1, "maximum": 0, "pattern": `^\s*(` + sizeWords + `|-1[bB]?|0)?\s*$|` + variableIn}
	case wholeCLI:
		out := object{"type": types("number", "string"), "minimum": v.min, "pattern": variableIn}
		if v.max > 0 {
			out["maximum"] = v.max
		}
		return out
	case wholeCC:
		return object{"type": types("integer", "string"), "minimum": v.min, "pattern": `^\s*\+?0*[1-9][0-9]*\s*$|` + variableIn}
	case yesOrNo:
		return object{"type": types("boolean", "string"), "pattern": booleanWords + "|" + variableAlone}
	case oneWord:
		words := []any{}
		for _, w := range v.words {
			words = append(words, w)
		}
		if v.orNull {
			words = append(words, nil)
		}
		return object{"anyOf": []any{object{"enum": words}, object{"type": "string", "pattern": variableIn}}}
	case urlPath:
		return object{"type": types("string"), "pattern": `^/([^\s/]\S*)?$|` + variableIn}
	case listOf:
		out := bounded(object{"type": types("array", "string"), "pattern": variableAlone}, "minItems", "maxItems")
		switch {
		case v.items != nil && v.keys != nil:
			out["items"] = object{"anyOf": []any{kindSchema(*v.items), mapSchema(v.keys, v.closed, "")}}
		case v.items != nil:
			out["items"] = kindSchema(*v.items)
		default:
			items := mapSchema(v.keys, v.closed, "")
			items["errorMessage"], items["patternErrorMessage"] = "Write a map: `- "+v.keys[0].name+": …`.", "Write a map: `- "+v.keys[0].name+": …`."
			out["items"] = items
		}
		return out
	case mapOf:
		out := bounded(object{"type": types("object", "string"), "pattern": variableAlone}, "minProperties", "maxProperties")
		if v.items != nil {
			out["additionalProperties"] = kindSchema(*v.items)
		}
		return out
	case mapWith:
		out := bounded(mapSchema(v.keys, v.closed, ""), "minProperties", "maxProperties")
		out["type"] = types("object", "string")
		out["pattern"] = variableAlone
		return out
	}
	panic(fmt.Sprintf("a manifest has no values of kind %d", v.kind))
}

var codeQuotes = regexp.MustCompile("`([^`]*)`")

// describe gives a key the text that editors show.
func describe(schema object, k key) {
	text := k.doc
	if said := valueText(k.value); said != "" {
		text += "\n\nValue: " + said + "."
	}
	if k.initial != "" {
		text += "\n\nIf not said: " + k.initial + "."
	}
	if k.unserved != "" {
		text += "\n\nNot served yet: " + k.unserved + "."
	}
	schema["markdownDescription"] = text
	schema["description"] = codeQuotes.ReplaceAllString(text, "$1")
}

// valueText says in words what a value may be.
func valueText(v value) string {
	if v.prose != "" {
		return v.prose
	}
	between := func(noun string, v value) string {
		switch {
		case v.min > 0 && v.max > 0 && v.min == v.max:
			return fmt.Sprintf("%s, %d", noun, v.min)
		case v.max > 0:
			return fmt.Sprintf("%s, %d to %d", noun, v.min, v.max)
		case v.min > 0:
			return fmt.Sprintf("%s, at least %d", noun, v.min)
		}
		return noun
	}
	switch v.kind {
	case anyText:
		return "text"
	case strictText:
		if v.max > 0 {
			return between("text", v) + " characters"
		}
		return "text"
	case sizeText:
		return "size, at least 1M, whole MB"
	case rateText:
		return "size a second, or `-1`"
	case wholeCLI, wholeCC:
		return between("whole number", v)
	case yesOrNo:
		return "boolean"
	case oneWord:
		return wordList(v.words)
	case urlPath:
		return "path that starts with one `/`"
	case listOf:
		return "list"
	}
	var inside []string
	for _, k := range v.keys {
		inside = append(inside, "`"+k.name+"`")
	}
	slices.Sort(inside)
	if len(inside) == 0 {
		return "map"
	}
	return "map with " + strings.Join(inside, ", ")
}
