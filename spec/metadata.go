package spec

import (
	"fmt"
	"regexp"
	"strings"
)

const (
	maxLabels          = 50
	maxAnnotations     = 200
	maxAnnotationValue = 5000
	maxMetadataName    = 63
	maxMetadataPrefix  = 253
)

var (
	metadataChars = regexp.MustCompile(`^[\w.-]*$`)
	alphanumEnds  = regexp.MustCompile(`^[a-zA-Z0-9](.*[a-zA-Z0-9])?$`)
	dnsPrefix     = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
)

// metadata reads labels and annotations (cloud_controller_ng
// app/messages/validators/metadata_validator.rb).
func (d *appDecoder) metadata(n *node) {
	if n == nil || n.kind == kindNull {
		return
	}
	if n.kind != kindMap {
		d.err(n, "Metadata must be an object", "Write the maps `labels` and `annotations` below it.")
		return
	}
	var unexpected []string
	for _, e := range n.entries {
		switch key := e.key.text(); key {
		case "labels":
			d.app.Metadata.Labels = d.metadataMap(e.val, "label", maxLabels)
		case "annotations":
			d.app.Metadata.Annotations = d.metadataMap(e.val, "annotation", maxAnnotations)
		default:
			unexpected = append(unexpected, "'"+key+"'")
		}
	}
	if len(unexpected) > 0 {
		d.err(n, "Metadata has unexpected field(s): "+strings.Join(unexpected, " "), "Only `labels` and `annotations` are known.")
	}
}

func (d *appDecoder) metadataMap(n *node, what string, limit int) map[string]*string {
	if n.kind == kindNull {
		return nil
	}
	if n.kind != kindMap {
		d.err(n, fmt.Sprintf("Metadata '%ss' is not an object", what), "Write one `key: value` a line.")
		return nil
	}
	if len(n.entries) > limit {
		d.err(n, fmt.Sprintf("Failed to add %d %ss because it would exceed maximum of %d", len(n.entries), what, limit), "Remove some.")
	}
	out := map[string]*string{}
	for _, e := range n.entries {
		key := e.key.text()
		if problem := metadataKeyProblem(key); problem != "" {
			d.err(e.key, fmt.Sprintf("Metadata %s key error: %s", what, problem),
				"A key is [prefix/]name: the prefix a DNS name, the name at most 63 letters, digits, '-', '_' and '.'.")
			continue
		}
		if e.val.kind == kindNull {
			out[key] = nil
			continue
		}
		if e.val.kind == kindList || e.val.kind == kindMap {
			d.err(e.val, fmt.Sprintf("Metadata %s value error: '%s' contains invalid characters", what, e.val.inspect()), "Write one plain value.")
			continue
		}
		value := e.val.text()
		if problem := metadataValueProblem(what, value); problem != "" {
			d.err(e.val, fmt.Sprintf("Metadata %s value error: %s", what, problem), "Shorten or correct the value; annotations take any text.")
			continue
		}
		d.hide("metadata."+what+"s."+key, e.val)
		out[key] = &value
	}
	return out
}

func metadataKeyProblem(key string) string {
	if key == "" {
		return "key cannot be empty string"
	}
	prefix, name, hasPrefix := strings.Cut(key, "/")
	if !hasPrefix {
		name = key
	} else {
		switch {
		case strings.Contains(name, "/"):
			return "key has more than one '/'"
		case !dnsPrefix.MatchString(prefix):
			return fmt.Sprintf("prefix '%s' must be in valid dns format", prefix)
		case len(prefix) > maxMetadataPrefix:
			return fmt.Sprintf("prefix '%s...' is greater than %d characters", cut(prefix, 8), maxMetadataPrefix)
		case strings.EqualFold(prefix, "cloudfoundry.org"):
			return "prefix 'cloudfoundry.org' is reserved"
		case name == "":
			return "key cannot be empty string"
		}
	}
	return metadataTextProblem(name)
}

func metadataValueProblem(what, value string) string {
	if what == "annotation" {
		if len([]rune(value)) > maxAnnotationValue {
			return fmt.Sprintf("'%s...' is greater than %d characters", cut(value, 8), maxAnnotationValue)
		}
		return ""
	}
	if value == "" {
		return ""
	}
	return metadataTextProblem(value)
}

func metadataTextProblem(text string) string {
	switch {
	case !metadataChars.MatchString(text):
		return fmt.Sprintf("'%s' contains invalid characters", text)
	case !alphanumEnds.MatchString(text):
		return fmt.Sprintf("'%s' starts or ends with invalid characters", text)
	case len(text) > maxMetadataName:
		return fmt.Sprintf("'%s...' is greater than %d characters", cut(text, 8), maxMetadataName)
	}
	return ""
}

func cut(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}
