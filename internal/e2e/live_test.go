package e2e

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"wadi/internal/testwait"
)

// requests are those that `serving` sends until `served`.
type requests struct {
	stop    chan struct{}
	running sync.WaitGroup

	sent   int
	failed []string
}

type requestsKey struct{}

// cmdServing: serving HOST/PATH
// asks the router for a route again and again until `served`.
func cmdServing(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serving HOST/PATH")
	}
	host, path, _ := strings.Cut(args[0], "/")
	url := "http://" + ts.Getenv("ROUTER") + "/" + path
	r := ts.Value(requestsKey{}).(*requests)
	*r = requests{stop: make(chan struct{})}
	ts.Defer(func() { r.end() })
	r.running.Go(func() {
		for {
			select {
			case <-r.stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			r.sent++
			if what := ask(url, host); what != "" {
				r.failed = append(r.failed, what)
			}
		}
	})
}

func (r *requests) end() {
	select {
	case <-r.stop:
	default:
		close(r.stop)
	}
	r.running.Wait()
}

// ask answers what went wrong with one request, "" if nothing did.
func ask(url, host string) string {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	req.Host = host
	resp, err := web.Do(req)
	if err != nil {
		return err.Error()
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Sprint(time.Now().UTC().Format(time.TimeOnly), " ", resp.Status)
	}
	return ""
}

// cmdServed: served
// ends what `serving` began; every request must have been answered well.
func cmdServed(ts *testscript.TestScript, neg bool, args []string) {
	r := ts.Value(requestsKey{}).(*requests)
	r.end()
	if len(r.failed) > 0 || r.sent == 0 {
		ts.Fatalf("%d of %d requests failed: %s", len(r.failed), r.sent, strings.Join(r.failed, ", "))
	}
	ts.Logf("%d requests", r.sent)
}

// cmdPurge: purge JOB
// makes Nomad forget a stopped job, as it does by itself after some hours.
func cmdPurge(ts *testscript.TestScript, neg bool, args []string) {
	_, _, err := client(ts).Jobs().Deregister(args[0], true, nil)
	ts.Check(err)
	gone := testwait.For(func() bool {
		_, _, err := client(ts).Jobs().Info(args[0], nil)
		return err != nil
	})
	if !gone {
		ts.Fatalf("job %s stays", args[0])
	}
}

// cmdAppears: appears FILE REGEXP
// waits until the file has what matches.
func cmdAppears(ts *testscript.TestScript, neg bool, args []string) {
	want := regexp.MustCompile("(?m)" + args[1])
	var text []byte
	there := testwait.For(func() bool {
		var err error
		text, err = os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && want.Match(text)
	})
	if !there {
		ts.Fatalf("no %q in %s:\n%.4000s", args[1], args[0], text)
	}
}
