package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"wadi/internal/testport"
	"wadi/stage/lifecycle"
)

// web is an instance of a droplet that is made for one test.
type web struct {
	*running
	port, health string
}

const serveCommand = `exec "$HOME/../bin/lifecycle" serve`

// app describes what runs; the zero value serves the droplet's files.
type app struct {
	command   string
	health    lifecycle.Check
	readiness lifecycle.Check
	timeoutS  int
	sidecars  []lifecycle.Sidecar
	env       map[string]string
	files     map[string]string // of the droplet
	dir       string            // of an earlier start's task
	uid       int               // of the supervisor; 0 = whoever runs the tests
}

func droplet(files map[string]string) map[string]string {
	all := map[string]string{
		"app/index.html": "hello\n", "deps/": "", "profile.d/": "", "tmp/": "", "logs/": "",
		lifecycle.StagingInfoName: `{"detected_buildpack":"test","start_command":""}`,
		lifecycle.MetadataName:    `{"process_types":{}}`,
	}
	for name, content := range files {
		all[name] = content
	}
	return all
}

func newInstance(t *testing.T, i app) string {
	t.Helper()
	store := blobStore(t)
	revision := lifecycle.Revision{
		BlobURL: store.URL, Droplet: upload(t, store, droplet(i.files)), StagedAt: 1_700_000_000,
		App: "shop", Stack: "host",
		VCAPApplication: json.RawMessage(`{"application_id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","name":"shop"}`),
	}
	environment := lifecycle.Environment{
		Env:      i.env,
		Services: lifecycle.Services{VCAPServices: json.RawMessage(`{"user-provided":[{"credentials":{"uri":"mysql://db/x"}}]}`)},
	}
	process := lifecycle.RunProcess{
		Type: "web", Command: i.command, MemoryMB: 512, DiskMB: 100,
		TimeoutS: i.timeoutS, Health: i.health, Readiness: i.readiness, Sidecars: i.sidecars,
	}
	return newTask(t, map[string]any{
		lifecycle.RevisionFile:    revision,
		lifecycle.EnvironmentFile: environment,
		lifecycle.ProcessFile:     process,
		lifecycle.RoutesFile:      lifecycle.Routes{URIs: []string{"shop.example.com"}},
	})
}

func startInstance(t *testing.T, i app) web {
	t.Helper()
	dir := i.dir
	if dir == "" {
		dir = newInstance(t, i)
	}
	w := web{port: strconv.Itoa(testport.Free(t)), health: strconv.Itoa(testport.Free(t))}
	env := []string{
		"NOMAD_ALLOC_INDEX=3",
		"NOMAD_IP_health=127.0.0.1", "NOMAD_PORT_health=" + w.health,
		"NOMAD_IP_http=127.0.0.1", "NOMAD_PORT_http=" + w.port, "NOMAD_HOST_PORT_http=" + w.port,
	}
	w.running = startAs(t, i.uid, dir, "run", env...)
	return w
}

// ask asks the health port; 0 when nothing answers.
func (w web) ask(path string) (int, lifecycle.Health) {
	w.t.Helper()
	response, err := http.Get("http://127.0.0.1:" + w.health + path)
	if err != nil {
		return 0, lifecycle.Health{}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil { // it has ended in the middle of its answer
		return 0, lifecycle.Health{}
	}
	if got := response.Header.Get(lifecycle.InstanceHeader); got != allocID {
		w.t.Errorf("%s: %s = %q", path, lifecycle.InstanceHeader, got)
	}
	var health lifecycle.Health
	if err := json.Unmarshal(body, &health); err != nil {
		w.t.Errorf("%s: %q: %v", path, body, err)
	}
	return response.StatusCode, health
}

func (w web) ready() {
	w.t.Helper()
	w.eventually("/ready answers 200", func() bool {
		code, _ := w.ask("/ready")
		return code == http.StatusOK
	})
}

// file reads a file of the instance's copy.
func (w web) file(name string) string {
	matches, err := filepath.Glob(filepath.Join(w.taskDir, "local/instances/*", name))
	if err != nil || len(matches) != 1 {
		return ""
	}
	content, err := os.ReadFile(matches[0])
	if err != nil {
		return ""
	}
	return string(content)
}

func (w web) write(name, content string) {
	w.t.Helper()
	matches, err := filepath.Glob(filepath.Join(w.taskDir, "local/instances/*"))
	if err != nil || len(matches) != 1 {
		w.t.Fatalf("instances: %v %v", matches, err)
	}
	if err := os.WriteFile(filepath.Join(matches[0], name), []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

var portCheck = lifecycle.Check{Type: "port"}

func (w web) path(name string) string {
	w.t.Helper()
	matches, err := filepath.Glob(filepath.Join(w.taskDir, "local/instances/*", name))
	if err != nil || len(matches) != 1 {
		w.t.Fatalf("%s: %v %v", name, matches, err)
	}
	return matches[0]
}
