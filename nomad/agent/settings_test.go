package agent

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsimple"
)

// agentFile is what the tests read of a configuration file.
type agentFile struct {
	DataDir  string `hcl:"data_dir"`
	BindAddr string `hcl:"bind_addr"`
	NoUpdate bool   `hcl:"disable_update_check"`
	ACL      struct {
		Enabled bool `hcl:"enabled"`
	} `hcl:"acl,block"`
	Server *struct {
		Enabled bool `hcl:"enabled"`
		Expect  int  `hcl:"bootstrap_expect"`
	} `hcl:"server,block"`
	Client *struct {
		MinPort int               `hcl:"min_dynamic_port"`
		MaxPort int               `hcl:"max_dynamic_port"`
		Options map[string]string `hcl:"options"`
		Rest    any               `hcl:",remain"`
	} `hcl:"client,block"`
	Plugins []plugin `hcl:"plugin,block"`
	Rest    any      `hcl:",remain"`
}

// plugin is the block of a driver.
type plugin struct {
	Name   string `hcl:"name,label"`
	Config struct {
		GC *struct {
			Image    bool `hcl:"image"`
			Dangling struct {
				Enabled bool `hcl:"enabled"`
			} `hcl:"dangling_containers,block"`
		} `hcl:"gc,block"`
		Rest any `hcl:",remain"`
	} `hcl:"config,block"`
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, s := range []settings{
		{Dir: `/tmp/a "b"`, MinPort: 20000, MaxPort: 20999},
		{Dir: "/tmp/p", ACL: true, Persist: true, MinPort: 21000, MaxPort: 21999},
		{Dir: "/tmp/p", ACL: true, Persist: true, NoClient: true},
	} {
		var f agentFile
		if err := hclsimple.Decode("agent.hcl", []byte(s.hcl()), nil, &f); err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		if f.DataDir != s.Dir || f.BindAddr != "127.0.0.1" || !f.NoUpdate || f.ACL.Enabled != s.ACL {
			t.Errorf("%+v gives %+v", s, f)
		}
		if (f.Server != nil) != s.Persist || (f.Client != nil) == s.NoClient {
			t.Errorf("%+v: server %v, client %v", s, f.Server, f.Client)
		}
		if f.Client == nil {
			continue
		}
		if f.Client.MinPort != s.MinPort || f.Client.MaxPort != s.MaxPort {
			t.Errorf("%+v gives the ports %d to %d", s, f.Client.MinPort, f.Client.MaxPort)
		}
		docker := slices.IndexFunc(f.Plugins, func(p plugin) bool { return p.Name == "docker" })
		if docker < 0 || f.Plugins[docker].Config.GC == nil || f.Plugins[docker].Config.GC.Dangling.Enabled {
			t.Errorf("%+v: other agents' containers are removed", s)
		}
		denied := strings.Split(f.Client.Options["fingerprint.denylist"], ",")
		for _, outside := range []string{"env_aws", "env_gce", "env_azure", "env_digitalocean", "consul", "vault"} {
			if !slices.Contains(denied, outside) {
				t.Errorf("%+v: the fingerprint %s is not denied", s, outside)
			}
		}
	}
}

// A task inherits the agent's environment, so none of the user's secrets may
// be in it.
func TestAgentEnvironment(t *testing.T) {
	t.Parallel()
	got := agentEnv(environ{"PATH=/bin", "AWS_SECRET_ACCESS_KEY=x", "NOMAD_TOKEN=y", "DOCKER_HOST=unix:///d.sock", "TMPDIR=/other"}, "/tmp/a", "abc")
	want := []string{"PATH=/bin", "HOME=/tmp/a", "TMPDIR=/tmp/a/tmp", "WADI_AGENT=abc", "DOCKER_HOST=unix:///d.sock"}
	if !slices.Equal(got, want) {
		t.Errorf("agentEnv = %q, want %q", got, want)
	}
	if got := environ(agentEnv(nil, "/tmp/a", "abc")).get("PATH"); !strings.Contains(got, "/usr/bin") {
		t.Errorf("without a PATH the agent's is %q", got)
	}
}
