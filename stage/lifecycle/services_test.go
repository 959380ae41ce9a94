package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const bound = `{"user-provided":[{"name":"db","binding_guid":"g1","binding_name":null,"instance_name":"db","label":"user-provided",
	"credentials":{"uri":"postgres://x","port":5432,"tls":true,"hosts":["a","b"],"none":null,"empty":[],"name":"theirs"},"tags":["sql"],"volume_mounts":[]},
	{"name":"cache","binding_guid":"g2","credentials":{},"label":"user-provided"}]}`

func TestResolve(t *testing.T) {
	t.Parallel()
	s := Services{VCAPServices: json.RawMessage(bound), CredentialFiles: map[string]string{"g2": "credentials-0.json"}}
	err := s.Resolve(func(name string) ([]byte, error) {
		if name != "credentials-0.json" {
			return nil, fmt.Errorf("asked for %s", name)
		}
		return []byte(`{"password":"p<\"'${x}"}`), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][]struct{ Credentials map[string]any }
	if err := json.Unmarshal(s.VCAPServices, &all); err != nil {
		t.Fatal(err)
	}
	if got := all["user-provided"][1].Credentials["password"]; got != `p<"'${x}` {
		t.Errorf("the password is %q", got)
	}
	if got := all["user-provided"][0].Credentials["uri"]; got != "postgres://x" {
		t.Errorf("the other binding's uri is %q", got)
	}
	for _, read := range []func(string) ([]byte, error){
		func(string) ([]byte, error) { return nil, errors.New("no such file") },
		func(string) ([]byte, error) { return []byte("no JSON"), nil },
	} {
		s := Services{VCAPServices: json.RawMessage(bound), CredentialFiles: map[string]string{"g1": "f"}}
		if err := s.Resolve(read); err == nil || !strings.Contains(err.Error(), "service instance db") {
			t.Errorf("got %v, want an error that names the instance", err)
		}
	}
}

func TestBindingFiles(t *testing.T) {
	t.Parallel()
	k8s := Services{VCAPServices: json.RawMessage(bound), ServiceFiles: ServicesK8s}
	files, err := k8s.Files()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for path, content := range files {
		got[path] = string(content)
	}
	want := map[string]string{
		"db/uri": "postgres://x", "db/port": "5432", "db/tls": "true", "db/hosts": `["a","b"]`, "db/name": "db",
		"db/binding_guid": "g1", "db/instance_name": "db", "db/label": "user-provided", "db/tags": `["sql"]`,
		"db/type": "user-provided", "db/provider": "user-provided",
		"cache/name": "cache", "cache/binding_guid": "g2", "cache/label": "user-provided", "cache/type": "user-provided", "cache/provider": "user-provided",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
	if env := k8s.Env("/b"); env["SERVICE_BINDING_ROOT"] != "/b" || env["VCAP_SERVICES"] != "" {
		t.Errorf("env %v", env)
	}
	file := Services{VCAPServices: json.RawMessage(bound), ServiceFiles: ServicesInFile}
	if files, err = file.Files(); err != nil || string(files["vcap_services"]) != bound || len(files) != 1 {
		t.Errorf("files %q, %v", files, err)
	}
	if env := file.Env("/b"); env["VCAP_SERVICES_FILE_PATH"] != "/b/vcap_services" {
		t.Errorf("env %v", env)
	}
	for _, name := range []string{"..", "a/b", "Über", ""} {
		s := Services{ServiceFiles: ServicesK8s, VCAPServices: json.RawMessage(fmt.Sprintf(`{"x":[{"name":%q}]}`, name))}
		if _, err := s.Files(); err == nil {
			t.Errorf("binding name %q is taken as a folder", name)
		}
		s.VCAPServices = json.RawMessage(fmt.Sprintf(`{"x":[{"name":"ok","credentials":{%q:"v"}}]}`, name))
		if _, err := s.Files(); err == nil {
			t.Errorf("credential %q is taken as a file name", name)
		}
	}
}
