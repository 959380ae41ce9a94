package cli

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/nomad/router"
)

// blobToken is the key of the blob store's Variable with the people's token.
const blobToken = "token"

// platformPlace is where the platform's jobs find what they need.
type platformPlace struct {
	Binary     string // absolute
	Data       string // absolute, or
	Store      string // an S3 URL
	StoreKey   string // of its credentials, "" = none
	NomadAddr  string
	JWKSURL    string
	Operator   string // sha256 of the operators' token
	BlobPort   int
	RouterPort int
}

// jobs are the platform's jobs. Nomad interpolates their text, so no path
// with the beginning of an interpolation can stand in them.
func (p platformPlace) jobs() ([]*api.Job, error) {
	env := certificates(os.Getenv)
	for _, text := range append([]string{p.Binary, p.Data, p.Store, p.NomadAddr}, mapValues(env)...) {
		if strings.Contains(text, "${") || strings.Contains(text, "%{") {
			return nil, withHint(fmt.Errorf("%q cannot stand in a Nomad job: Nomad would replace its %q or %q", text, "${", "%{"),
				"use a path without them (WADI_CACHE_DIR and --data name the folders)")
		}
	}
	routerEnv := map[string]string{"NOMAD_ADDR": p.NomadAddr}
	for k, v := range env {
		routerEnv[k] = v
	}
	return []*api.Job{
		nomad.NewPlatformJob(nomad.PlatformJob{
			ID: nomad.BlobStoreJobID, Arch: runtime.GOARCH, Binary: p.Binary, Port: p.BlobPort, MemoryMB: 256,
			CheckPath: "/v1/health", TokenKey: blobToken, StoreKey: p.StoreKey, Env: env,
			Args: p.blobstoreArgs(),
		}),
		nomad.NewPlatformJob(nomad.PlatformJob{
			ID: nomad.RouterJobID, Arch: runtime.GOARCH, Binary: p.Binary, Port: p.RouterPort, MemoryMB: 128,
			CheckPath: router.HealthPath, NomadToken: true, Env: routerEnv,
			Args: []string{"router", "--listen", loopback(p.RouterPort)},
		}),
	}, nil
}

func (p platformPlace) blobstoreArgs() []string {
	args := []string{"blobstore", "--listen", loopback(p.BlobPort), "--jwks-url", p.JWKSURL, "--token-file", "${NOMAD_SECRETS_DIR}/token", operatorFlag, p.Operator}
	if p.Store == "" {
		return append(args, "--data", p.Data)
	}
	args = append(args, "--store", p.Store)
	if p.StoreKey != "" {
		args = append(args, "--s3-credentials", "${NOMAD_SECRETS_DIR}/"+nomad.StoreCredentialsFile)
	}
	return args
}

// keeps says where the blobs are.
func (p platformPlace) keeps() string {
	if p.Store != "" {
		return p.Store
	}
	return p.Data
}

const loopbackIP = "127.0.0.1"

// certificates are the variables by which a client of Nomad finds its
// certificates.
func certificates(env func(string) string) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"NOMAD_CACERT", "NOMAD_CAPATH", "NOMAD_CLIENT_CERT", "NOMAD_CLIENT_KEY", "NOMAD_TLS_SERVER_NAME", "NOMAD_SKIP_VERIFY"} {
		if value := env(name); value != "" {
			out[name] = value
		}
	}
	return out
}

func mapValues(m map[string]string) []string {
	var out []string
	for _, v := range m {
		out = append(out, v)
	}
	slices.Sort(out)
	return out
}

func loopback(port int) string { return net.JoinHostPort(loopbackIP, strconv.Itoa(port)) }

// argOf is the value of an argument of a platform job, "" if there is none.
func argOf(job *api.Job, name string) string {
	if job == nil || len(job.TaskGroups) == 0 || len(job.TaskGroups[0].Tasks) == 0 {
		return ""
	}
	args, ok := job.TaskGroups[0].Tasks[0].Config["args"].([]any)
	if !ok {
		return ""
	}
	for i := range len(args) - 1 {
		if args[i] == name {
			return fmt.Sprint(args[i+1])
		}
	}
	return ""
}
