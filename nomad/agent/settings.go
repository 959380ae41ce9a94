package agent

import (
	"fmt"
	"path/filepath"
)

// settings is what a configuration file of the agent is made of.
type settings struct {
	Dir      string
	LogLevel string
	Ports    Ports
	ACL      bool
	Persist  bool
	// NoClient leaves the client out: the first of a persistent agent's two
	// starts.
	NoClient bool
	// Dynamic ports for tasks, both ends included.
	MinPort, MaxPort int
}

// The parts of the agent's configuration file.
//
// Nothing in them calls out: no update check, no Consul, no cloud metadata (a
// fingerprint of AWS also ends the agent where AWS_CA_BUNDLE is set). Ended
// allocations and their logs stay (gc_*), docker images too. CPU is a weight
// on one's own machine, never a reason not to place: cpu_total_compute. Every
// client is this machine, so connections are not counted by client.
//
// The driver for docker removes, every five minutes, what it takes for
// containers that Nomad has lost: those of every other agent on this machine.
// It must not; those of an agent of ours that was killed the sweep removes.
const (
	commonSettings = `data_dir             = %q
bind_addr            = "127.0.0.1"
log_level            = %q
disable_update_check = true

ports {
  http = %d
  rpc  = %d
  serf = %d
}

advertise {
  http = "127.0.0.1"
  rpc  = "127.0.0.1"
  serf = "127.0.0.1"
}

acl {
  enabled = %t
}

limits {
  http_max_conns_per_client = 0
}

consul {
  auto_advertise   = false
  client_auto_join = false
  server_auto_join = false
}
`
	serverSettings = `
server {
  enabled          = true
  bootstrap_expect = 1
}
`
	clientSettings = `
client {
  enabled                  = true
  network_interface        = "lo"
  cpu_total_compute        = 1000000
  alloc_mounts_dir         = %q
  gc_max_allocs            = 5000
  gc_disk_usage_threshold  = 100
  gc_inode_usage_threshold = 100
  min_dynamic_port         = %d
  max_dynamic_port         = %d

  options = {
    "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean,consul,vault"
  }
}

plugin "raw_exec" {
  config {
    enabled = true
  }
}

plugin "docker" {
  config {
    gc {
      image = false

      dangling_containers {
        enabled = false
      }
    }
  }
}
`
)

// hcl renders the agent's configuration file.
func (s settings) hcl() string {
	text := fmt.Sprintf(commonSettings, s.Dir, s.LogLevel, s.Ports.HTTP, s.Ports.RPC, s.Ports.Serf, s.ACL)
	if s.Persist {
		text += serverSettings
	}
	if !s.NoClient {
		text += fmt.Sprintf(clientSettings, filepath.Join(s.Dir, "alloc_mounts"), s.MinPort, s.MaxPort)
	}
	return text
}
