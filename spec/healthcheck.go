package spec

import (
	"fmt"
	"regexp"
	"strings"
)

var uriPath = regexp.MustCompile(`^/([^\s/]\S*)?$`)

// healthCheck reads a health check, or with prefix "readiness_" the
// readiness check.
func (d *appDecoder) healthCheck(f fields, path, prefix string) HealthCheck {
	label := "Health check"
	if prefix != "" {
		label = "Readiness health check"
	}
	c := HealthCheck{Type: d.checkType(f[prefix+"health_check_type"], prefix, label)}
	c.HTTPEndpoint = d.endpoint(f[prefix+"health_check_http_endpoint"], path+prefix+"health_check_http_endpoint", label, prefix == "")
	d.checkPair(f, prefix, label, c)
	c.IntervalS = d.number(f[prefix+"health_check_interval"], path+prefix+"health_check_interval", numberRule{label: label + " interval", min: 1})
	c.InvocationTimeoutS = d.number(f[prefix+"health_check_invocation_timeout"], path+prefix+"health_check_invocation_timeout",
		numberRule{label: label + " invocation timeout", min: 1})
	return c
}

// checkPair holds type and endpoint to each other. Like Cloud Foundry it looks
// at what is written, right or wrong, so that no error hides another. That an
// http check needs an endpoint is said by the Cloud Controller's process
// model, not its manifest (models/runtime/health_check_policy).
func (d *appDecoder) checkPair(f fields, prefix, label string, c HealthCheck) {
	typ, end := f[prefix+"health_check_type"], f[prefix+"health_check_http_endpoint"]
	if prefix == "" {
		typ, end = unlessDropped(typ), unlessDropped(end)
	}
	switch {
	case typ != nil && end != nil && end.kind != kindNull && c.Type != "http":
		d.err(typ, label+" type must be \"http\" to set a health check HTTP endpoint", "Set the type to http, or remove the endpoint.")
	case c.Type == "http" && (end == nil || end.kind == kindNull):
		d.err(typ, "HTTP "+strings.ToLower(label)+" endpoint is not a valid URI path: ", d.endpointFix(prefix))
	case typ == nil && c.HTTPEndpoint != "":
		d.warn(end, fmt.Sprintf("the endpoint has no effect: the %s is not of type http", strings.ToLower(label)),
			d.how("Add `"+strings.ReplaceAll(prefix, "_", "-")+"health-check-type: http`, or remove the endpoint.", `Add type = "http", or remove the endpoint.`))
	}
}

// unlessDropped is a value that the CLI does not drop: it drops null and "".
func unlessDropped(n *node) *node {
	if n == nil || n.kind == kindNull || n.kind == kindString && n.str == "" {
		return nil
	}
	return n
}

func (d *appDecoder) endpointFix(prefix string) string {
	if d.hcl {
		return `An http check needs its path: endpoint = "/".`
	}
	return "An http check needs its path: add `" + strings.ReplaceAll(prefix, "_", "-") + "health-check-http-endpoint: /`."
}

// checkType reads a type. The CLI drops an empty one of the health check;
// the readiness check's reaches the Cloud Controller.
func (d *appDecoder) checkType(n *node, prefix, label string) string {
	if prefix == "" {
		n = unlessDropped(n)
	}
	if n == nil {
		return ""
	}
	switch text := n.text(); {
	case text == "port" || text == "process" || text == "http":
		return text
	case text == "none" && prefix == "":
		return "process"
	}
	d.err(n, label+` type must be "port", "process", or "http"`, "Write one of the three.")
	return ""
}

func (d *appDecoder) endpoint(n *node, path, label string, cli bool) string {
	if cli {
		n = unlessDropped(n)
	}
	if n == nil || n.kind == kindNull {
		return ""
	}
	text := n.text()
	if n.kind == kindList || n.kind == kindMap || !uriPath.MatchString(text) {
		d.err(n, label+" http endpoint must be a valid URI path", "Write a path that starts with one / and has no blanks, such as /health.")
		return ""
	}
	d.hide(path, n)
	return text
}
