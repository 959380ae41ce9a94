package lifecycle

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// ServiceFiles says how bindings reach a process: in VCAP_SERVICES, or as
// files, as an app's features ask for.
type ServiceFiles string

// The ways of handing bindings over (cloud_controller_ng
// service_binding_files_builder.rb).
const (
	ServicesInEnv  ServiceFiles = ""     // VCAP_SERVICES
	ServicesK8s    ServiceFiles = "k8s"  // SERVICE_BINDING_ROOT, a folder a binding
	ServicesInFile ServiceFiles = "vcap" // VCAP_SERVICES_FILE_PATH
)

// Services is how an app's bindings are told to a task.
type Services struct {
	// VCAPServices is the JSON object of VCAP_SERVICES. Entries whose
	// binding_guid is in CredentialFiles have no credentials yet: those are
	// the JSON object in that file of the secrets folder, which Nomad made of
	// a Variable.
	VCAPServices    json.RawMessage   `json:"vcap_services"`
	CredentialFiles map[string]string `json:"credential_files,omitempty"`
	ServiceFiles    ServiceFiles      `json:"service_files,omitempty"`
}

// Resolve puts the credentials in that read finds by file name.
func (s *Services) Resolve(read func(name string) ([]byte, error)) error {
	if len(s.CredentialFiles) == 0 {
		return nil
	}
	var all map[string][]map[string]any
	if err := json.Unmarshal(s.VCAPServices, &all); err != nil {
		return fmt.Errorf("reading what the platform gave the task: vcap_services: %w", err)
	}
	for _, entries := range all {
		for _, entry := range entries {
			guid, _ := entry["binding_guid"].(string)
			name, ok := s.CredentialFiles[guid]
			if !ok {
				continue
			}
			text, err := read(name)
			if err != nil {
				return fmt.Errorf("reading the credentials of service instance %v: %w", entry["instance_name"], err)
			}
			var credentials map[string]any
			if err := json.Unmarshal(text, &credentials); err != nil {
				return fmt.Errorf("reading the credentials of service instance %v: its Nomad Variable gave no JSON object: %w", entry["instance_name"], err)
			}
			entry["credentials"] = credentials
		}
	}
	text, err := json.Marshal(all)
	s.VCAPServices = text
	return err
}

var (
	bindingName = regexp.MustCompile(`^[a-z0-9\-.]{1,253}$`)
	fileName    = regexp.MustCompile(`^[a-z0-9\-._]{1,253}$`)
)

// Files are the files below SERVICE_BINDING_ROOT, by path: a folder a
// binding; or the one file of VCAP_SERVICES_FILE_PATH. Values that are no
// string are JSON; empty ones have no file.
func (s Services) Files() (map[string][]byte, error) {
	if s.ServiceFiles == ServicesInFile {
		return map[string][]byte{"vcap_services": s.VCAPServices}, nil
	}
	files := map[string][]byte{}
	if s.ServiceFiles != ServicesK8s {
		return files, nil
	}
	var all map[string][]map[string]json.RawMessage
	if err := json.Unmarshal(s.VCAPServices, &all); err != nil {
		return nil, fmt.Errorf("reading what the platform gave the task: vcap_services: %w", err)
	}
	for label, entries := range all {
		for _, entry := range entries {
			var name string
			if err := json.Unmarshal(entry["name"], &name); err != nil || !bindingName.MatchString(name) || name == "." || name == ".." {
				return nil, fmt.Errorf("the binding name %q cannot be a folder's: it must match %s", name, bindingName)
			}
			var credentials map[string]json.RawMessage
			_ = json.Unmarshal(entry["credentials"], &credentials) // null: none
			delete(entry, "credentials")
			quoted, err := json.Marshal(label)
			if err != nil {
				return nil, err
			}
			entry["type"], entry["provider"] = quoted, quoted
			// what the platform says wins over credentials of that name
			for _, values := range []map[string]json.RawMessage{credentials, entry} {
				if err := addFiles(files, name, values); err != nil {
					return nil, err
				}
			}
		}
	}
	return files, nil
}

func addFiles(files map[string][]byte, binding string, values map[string]json.RawMessage) error {
	for key, value := range values {
		if !fileName.MatchString(key) || key == "." || key == ".." {
			return fmt.Errorf("the credential %q of binding %q cannot be a file's name: it must match %s", key, binding, fileName)
		}
		switch text := string(value); text {
		case "null", "[]", "{}", "":
			continue
		}
		var plain string
		if json.Unmarshal(value, &plain) == nil {
			files[binding+"/"+key] = []byte(plain)
		} else {
			files[binding+"/"+key] = value
		}
	}
	return nil
}

// Env is how a process is told of its bindings; dir is where the Files are.
func (s Services) Env(dir string) map[string]string {
	switch s.ServiceFiles {
	case ServicesK8s:
		return map[string]string{"SERVICE_BINDING_ROOT": dir}
	case ServicesInFile:
		return map[string]string{"VCAP_SERVICES_FILE_PATH": dir + "/vcap_services"}
	}
	return map[string]string{"VCAP_SERVICES": Object(s.VCAPServices)}
}

// Object is raw as the value of a variable: "{}" where nothing was given,
// which JSON may write as null.
func Object(raw json.RawMessage) string {
	if text := string(raw); text != "" && text != "null" {
		return text
	}
	return "{}"
}
