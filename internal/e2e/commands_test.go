package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"

	"wadi/internal/nomadtest"
	"wadi/internal/testport"
	"wadi/internal/testwait"
)

// web asks apps: one that takes a request and never answers it fails the test.
var web = &http.Client{Timeout: time.Minute}

// cmdHTTP: http STATUS HOST/PATH [REGEXP]
// asks the router for a route until the answer is as wanted.
func cmdHTTP(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: http STATUS HOST/PATH [REGEXP]")
	}
	host, path, _ := strings.Cut(args[1], "/")
	want := regexp.MustCompile("")
	if len(args) == 3 {
		want = regexp.MustCompile(args[2])
	}
	var last string
	right := testwait.For(func() bool {
		req, err := http.NewRequest("GET", "http://"+ts.Getenv("ROUTER")+"/"+path, nil)
		ts.Check(err)
		req.Host = host
		resp, err := web.Do(req)
		if err != nil {
			last = err.Error()
			return false
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		last = fmt.Sprintf("%d\n%s", resp.StatusCode, body)
		return fmt.Sprint(resp.StatusCode) == args[0] && want.Match(body)
	})
	if !right {
		ts.Fatalf("http %s: the last answer was %s", args[1], last)
	}
	ts.Logf("%s", last)
}

var variable = regexp.MustCompile(`\$\{(ID|ROOTFS|REGISTRY|WORK|SPACE|PLATFORM|EXAMPLES|PROXY)\}`)

// cmdSubst: subst FILE…
// replaces some of the script's variables, written ${NAME}, in files.
func cmdSubst(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args {
		path := ts.MkAbs(file)
		text, err := os.ReadFile(path)
		ts.Check(err)
		out := variable.ReplaceAllStringFunc(string(text), func(v string) string { return ts.Getenv(v[2 : len(v)-1]) })
		ts.Check(os.WriteFile(path, []byte(out), 0o644))
	}
}

// cmdToken: token FILE
// from here on the token may do what the policy in the file says, no more.
func cmdToken(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv("NOMAD_TOKEN", nomadtest.Token(ts.Value(testKey{}).(testing.TB), ts.ReadFile(args[0])))
}

// cmdRemember: remember NAME JOB
// sets NAME to the ids of the job's live instances, sorted. It waits for those
// that start: a server hears some time later that a node has restarted one.
func cmdRemember(ts *testscript.TestScript, neg bool, args []string) {
	var ids []string
	settled := testwait.For(func() bool {
		allocs, _, err := client(ts).Jobs().Allocations(args[1], false, nil)
		ts.Check(err)
		ids = nil
		for _, a := range allocs {
			switch {
			case a.DesiredStatus != api.AllocDesiredStatusRun:
			case a.ClientStatus == api.AllocClientStatusPending:
				return false
			case a.ClientStatus == api.AllocClientStatusRunning:
				ids = append(ids, a.ID)
			}
		}
		return true
	})
	if !settled {
		ts.Fatalf("instances of %s are still starting; running: %s", args[1], strings.Join(ids, " "))
	}
	ts.Setenv(args[0], strings.Join(ids, " "))
	ts.Logf("%s=%s", args[0], strings.Join(ids, " "))
}

// cmdJobs: jobs [ID…]
// checks that the space has exactly these jobs and no Variable of ours for others.
func cmdJobs(ts *testscript.TestScript, neg bool, args []string) {
	jobs, _, err := client(ts).Jobs().List(nil)
	ts.Check(err)
	var ids []string
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	if got, want := strings.Join(ids, " "), strings.Join(args, " "); got != want {
		ts.Fatalf("jobs are %q, want %q", got, want)
	}
	vars, _, err := client(ts).Variables().List(nil)
	ts.Check(err)
	for _, v := range vars {
		if strings.HasPrefix(v.Path, "nomad/jobs/") || strings.HasPrefix(v.Path, "wadi/apps/") || strings.HasPrefix(v.Path, "wadi/locks/") {
			name := v.Path[strings.LastIndex(v.Path, "/")+1:]
			if name == "wadi-blobstore" || name == "wadi-router" {
				continue
			}
			if !strings.Contains(" "+strings.Join(args, " ")+" ", " "+name+" ") || strings.HasPrefix(v.Path, "wadi/locks/") {
				ts.Fatalf("the Variable %s was left behind", v.Path)
			}
		}
	}
}

// cmdJob: job FILE
// registers a job (JSON) that is none of ours.
func cmdJob(ts *testscript.TestScript, neg bool, args []string) {
	var body struct{ Job *api.Job }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &body))
	_, _, err := client(ts).Jobs().Register(body.Job, nil)
	ts.Check(err)
}

// cmdZip: zip FILE DIR
// packs what is in the folder.
func cmdZip(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	w := zip.NewWriter(f)
	ts.Check(w.AddFS(os.DirFS(ts.MkAbs(args[1]))))
	ts.Check(w.Close())
	ts.Check(f.Close())
}

// cmdFreePort: freeport NAME
// sets NAME to a port that nobody listens on now.
func cmdFreePort(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv(args[0], strconv.Itoa(testport.Free(ts.Value(testKey{}).(testing.TB))))
}

// cmdVariable: variable PATH KEY=VALUE…
// writes a Nomad Variable of the script's space.
func cmdVariable(ts *testscript.TestScript, neg bool, args []string) {
	v := &api.Variable{Path: args[0], Items: api.VariableItems{}}
	for _, item := range args[1:] {
		key, value, _ := strings.Cut(item, "=")
		v.Items[key] = value
	}
	_, _, err := client(ts).Variables().Update(v, nil)
	ts.Check(err)
}

// cmdAllow: allow PATH
// lets the identities of all jobs in the space read that Variable.
func cmdAllow(ts *testscript.TestScript, neg bool, args []string) {
	policies := client(ts).ACLPolicies()
	name := "test-" + ts.Getenv("SPACE")
	_, err := policies.Upsert(&api.ACLPolicy{Name: name, JobACL: &api.JobACL{Namespace: ts.Getenv("SPACE")},
		Rules: fmt.Sprintf("namespace %q {\n variables {\n path %q {\n capabilities = [\"read\"]\n}\n}\n}", ts.Getenv("SPACE"), args[0])}, nil)
	ts.Check(err)
	ts.Defer(func() { policies.Delete(name, nil) })
}

// cmdNowhere: nowhere FILE
// checks that what the file holds is in no job, in no Variable that a plan
// reads, in no log, in no file that Nomad's API shows, and not in the blob store.
func cmdNowhere(ts *testscript.TestScript, neg bool, args []string) {
	secret := []byte(ts.ReadFile(args[0]))
	look := func(where string, content []byte) {
		if bytes.Contains(content, secret) {
			ts.Fatalf("the secret is in %s", where)
		}
	}
	c := client(ts)
	jobs, _, err := c.Jobs().List(nil)
	ts.Check(err)
	for _, stub := range jobs {
		job, _, err := c.Jobs().Info(stub.ID, nil)
		ts.Check(err)
		text, err := json.Marshal(job)
		ts.Check(err)
		look("job "+stub.ID, text)
		allocs, _, err := c.Jobs().Allocations(stub.ID, true, nil)
		ts.Check(err)
		for _, a := range allocs {
			alloc, _, err := c.Allocations().Info(a.ID, nil)
			ts.Check(err)
			lookInFiles(ts, c, alloc, "/", look)
		}
	}
	vars, _, err := c.Variables().PrefixList("wadi/", nil)
	ts.Check(err)
	for _, meta := range vars {
		v, _, err := c.Variables().Read(meta.Path, nil)
		ts.Check(err)
		text, err := json.Marshal(v)
		ts.Check(err)
		look("Variable "+meta.Path, text)
	}
	zr, err := zstd.NewReader(nil)
	ts.Check(err)
	defer zr.Close()
	seen := 0
	ts.Check(filepath.WalkDir(ts.Getenv("PLATFORM_DIR"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "wadi" || strings.HasPrefix(d.Name(), "wadi-") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil // removed meanwhile by another script
		}
		look(path, content)
		if plain, err := zr.DecodeAll(content, nil); err == nil {
			look(path+" (decompressed)", plain)
			seen++
		}
		return nil
	}))
	if seen == 0 {
		ts.Fatalf("no chunk was found to look into")
	}
}

// lookInFiles reads what Nomad's API shows of an allocation's files: not the
// secrets folder, and not the instance's own copy, which is the app's.
func lookInFiles(ts *testscript.TestScript, c *api.Client, alloc *api.Allocation, dir string, look func(string, []byte)) {
	files, _, err := c.AllocFS().List(alloc, dir, nil)
	if err != nil {
		return
	}
	for _, f := range files {
		path := dir + f.Name
		switch {
		case f.IsDir && f.Name != "instances":
			lookInFiles(ts, c, alloc, path+"/", look)
		case strings.HasPrefix(f.FileMode, "-"): // no pipe: reading one never ends
			r, err := c.AllocFS().Cat(alloc, path, nil)
			if err != nil {
				continue
			}
			content, _ := io.ReadAll(r)
			r.Close()
			look("file "+path+" of allocation "+alloc.ID, content)
		}
	}
}

// cmdAwait: await FILE
// waits until the file exists.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	there := testwait.For(func() bool {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil
	})
	if !there {
		ts.Fatalf("%s did not appear", args[0])
	}
}

// cmdUntil: until REGEXP PROGRAM [ARGUMENT…]
// runs a program again and again until its output has what matches: what an app
// prints is in its log some time later, also where it is healthy by then.
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP PROGRAM [ARGUMENT…]")
	}
	want := regexp.MustCompile("(?m)" + args[0])
	said := testwait.For(func() bool {
		ts.Check(ts.Exec(args[1], args[2:]...))
		return want.MatchString(ts.ReadFile("stdout"))
	})
	if !said {
		ts.Fatalf("no %q in what %s says:\n%s", args[0], args[1], ts.ReadFile("stdout"))
	}
}

// cmdListens: listens PORT
// waits until somebody listens at a port of this machine.
func cmdListens(ts *testscript.TestScript, neg bool, args []string) {
	var last error
	there := testwait.For(func() bool {
		var c net.Conn
		if c, last = net.Dial("tcp", net.JoinHostPort("127.0.0.1", args[0])); last != nil {
			return false
		}
		return c.Close() == nil
	})
	if !there {
		ts.Fatalf("nobody listens at port %s: %v", args[0], last)
	}
}

func client(ts *testscript.TestScript) *api.Client {
	c, err := api.NewClient(&api.Config{Address: ts.Getenv("NOMAD_ADDR"), SecretID: ts.Getenv("NOMAD_TOKEN"), Namespace: ts.Getenv("SPACE")})
	ts.Check(err)
	return c
}
