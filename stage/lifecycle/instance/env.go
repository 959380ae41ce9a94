package instance

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/launch"
)

// environment is what an instance's process starts with, in Cloud Foundry's
// order: later ones win, and nothing else gets in. bindingsDir has the files
// of bindings that come as files. memoryMB is this process's share, l what
// VCAP_APPLICATION says of the limits.
func (t *task) environment(guid, bindingsDir string, memoryMB int, l limits) (map[string]string, error) {
	index := strconv.Itoa(t.index)
	env := map[string]string{"PATH": launch.Path, "USER": "vcap", "LANG": "en_US.UTF-8"}
	if t.image != nil {
		env = t.image.environment()
	}
	if !t.oneOff {
		env["INSTANCE_GUID"], env["INSTANCE_INDEX"] = guid, index
		env["CF_INSTANCE_GUID"], env["CF_INSTANCE_INDEX"] = guid, index
		port := strconv.Itoa(t.http.Port)
		env["PORT"] = port
		if t.image == nil {
			env["VCAP_APP_PORT"], env["VCAP_APP_HOST"] = port, "0.0.0.0"
		}
	}
	maps.Copy(env, t.environs.Env) // PORT is refused there
	vcap, err := t.vcapApplication(l)
	if err != nil {
		return nil, err
	}
	env["VCAP_APPLICATION"] = vcap
	env["MEMORY_LIMIT"] = fmt.Sprintf("%dm", memoryMB)
	maps.Copy(env, t.environs.Services.Env(bindingsDir))
	maps.Copy(env, t.instanceAddresses())
	return env, nil
}

func (t *task) instanceAddresses() map[string]string {
	env := map[string]string{
		"CF_INSTANCE_IP": t.nodeIP, "CF_INSTANCE_INTERNAL_IP": t.localIP,
		"CF_INSTANCE_PORT": "", "CF_INSTANCE_ADDR": "", "CF_INSTANCE_PORTS": "[]",
	}
	if !t.oneOff {
		external := strconv.Itoa(t.http.HostPort)
		env["CF_INSTANCE_PORT"] = external
		env["CF_INSTANCE_ADDR"] = net.JoinHostPort(t.http.IP, external)
		ports := []string{}
		for _, e := range append([]endpoint{t.http}, t.further...) {
			ports = append(ports, fmt.Sprintf(`{"external":%d,"internal":%d}`, e.HostPort, e.Port))
		}
		env["CF_INSTANCE_PORTS"] = "[" + strings.Join(ports, ",") + "]"
	}
	return env
}

// limits are those of the main process: open files, and memory and disk in MB.
type limits struct {
	FDs  uint64 `json:"fds"`
	Mem  int    `json:"mem"`
	Disk int    `json:"disk"`
}

// vcapApplication completes the revision's with what it leaves out.
func (t *task) vcapApplication(l limits) (string, error) {
	vcap := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(lifecycle.Object(t.revision.VCAPApplication)), &vcap); err != nil {
		return "", fmt.Errorf("reading what the platform gave the task: vcap_application is no JSON object: %w", err)
	}
	uris := t.routes.URIs
	if uris == nil {
		uris = []string{}
	}
	additions := map[string]any{
		"limits": l, "uris": uris, "application_uris": uris,
	}
	if t.oneOff {
		additions["users"] = nil
	} else {
		additions["process_type"] = t.process.Type
		additions["process_id"] = processID(vcap["application_id"], t.process.Type)
	}
	for key, value := range additions {
		encoded, err := json.Marshal(value)
		if err != nil {
			return "", err
		}
		vcap[key] = encoded
	}
	encoded, err := json.Marshal(vcap)
	return string(encoded), err
}

// processID is the app's own id for web, as in Cloud Foundry, and for other
// types one made of it: the same whenever it is asked for.
func processID(applicationID json.RawMessage, processType string) string {
	var id string
	if json.Unmarshal(applicationID, &id) != nil || processType == "web" {
		return id
	}
	app, err := uuid.Parse(id)
	if err != nil {
		return id
	}
	return uuid.NewSHA1(app, []byte(processType)).String()
}

// mainMemory is what sidecars leave to the process itself.
func mainMemory(memoryMB int, sidecars []lifecycle.Sidecar) int {
	for _, s := range sidecars {
		memoryMB -= s.MemoryMB
	}
	return memoryMB
}

// sidecarMemory is a sidecar's own share, or all of it where it has none.
func sidecarMemory(memoryMB int, s lifecycle.Sidecar) int {
	if s.MemoryMB > 0 {
		return s.MemoryMB
	}
	return memoryMB
}

// sidecarsFor are the sidecars of the files and then those of the droplet
// that go with the process type. Apply refuses two of one name.
func sidecarsFor(processType string, files, droplet []lifecycle.Sidecar) []lifecycle.Sidecar {
	return slices.DeleteFunc(slices.Concat(files, droplet), func(s lifecycle.Sidecar) bool {
		return !slices.Contains(s.ProcessTypes, processType)
	})
}
