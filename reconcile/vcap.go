package reconcile

import (
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"wadi/spec"
)

// identity is who an app is: the ids in VCAP_APPLICATION are UUIDv5 of it,
// because anything random would make every plan a change.
type identity struct {
	Region, Space, App string
}

func (i identity) id(parts ...string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("wadi:"+strings.Join(parts, "\x00"))).String()
}

// vcapApplication is VCAP_APPLICATION without what only an instance knows
// (limits, uris, process, port), sorted by key. version tells revisions
// apart; it is made of what they consist of.
func (i identity) vcapApplication(version string) map[string]any {
	id := i.id("version", i.Region, i.Space, i.App, version)
	return map[string]any{
		"cf_api":              "",
		"application_id":      i.id("app", i.Region, i.Space, i.App),
		"application_name":    i.App,
		"name":                i.App,
		"space_id":            i.id("space", i.Region, i.Space),
		"space_name":          i.Space,
		"organization_id":     i.id("organization", i.Region),
		"organization_name":   i.Region,
		"application_version": id,
		"version":             id,
	}
}

// vcapForStaging is what a build sees. Routes are left out (a change of
// routes must not stage again), and users is null as in Cloud Foundry.
func (i identity) vcapForStaging(memoryMB, diskMB int) json.RawMessage {
	v := i.vcapApplication("staging")
	v["users"] = nil
	v["uris"] = []string{}
	v["application_uris"] = []string{}
	v["limits"] = map[string]int{"mem": memoryMB, "disk": diskMB, "fds": 16384}
	return mustJSON(v)
}

// binding is one service instance as an app sees it.
type binding struct {
	Instance string // name of the service instance
	Name     string // of the binding: what the app calls it
	GUID     string
	Label    string
	Entry    map[string]any // of VCAP_SERVICES
	// Variable is the Nomad Variable that holds the credentials, with its
	// modify index; "" = they are in Entry.
	Variable  string
	Index     uint64
	Sensitive bool
}

// entry is what VCAP_SERVICES says of a binding (cloud_controller_ng
// service_binding_presenter.rb).
func (i identity) entry(s spec.ServiceInstance, bindingName string) (guid string, entry map[string]any) {
	instanceID := i.id("service", i.Region, i.Space, s.Name)
	guid = i.id("binding", i.Region, i.Space, i.App, s.Name, bindingName)
	label := s.Label
	if label == "" {
		label = "user-provided"
	}
	credentials := s.Credentials
	if credentials == nil {
		credentials = map[string]any{}
	}
	entry = map[string]any{
		"label": label, "name": s.Name, "instance_name": s.Name, "instance_guid": instanceID,
		"binding_guid": guid, "binding_name": nil, "credentials": credentials,
		"tags": append([]string{}, s.Tags...), "syslog_drain_url": nil, "volume_mounts": []any{},
	}
	if bindingName != "" {
		entry["name"], entry["binding_name"] = bindingName, bindingName
	}
	if s.SyslogDrainURL != "" {
		entry["syslog_drain_url"] = s.SyslogDrainURL
	}
	if label != "user-provided" {
		entry["provider"] = nil
		entry["plan"] = s.Plan
	}
	return guid, entry
}

// mustJSON encodes what cannot fail to encode: maps with string keys, slices,
// strings and numbers. Keys come out sorted.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("reconcile: value that JSON cannot hold: " + err.Error())
	}
	return b
}
