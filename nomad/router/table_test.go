package router

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testApp(name string, createIndex uint64) app {
	return app{namespace: "default", job: name, createIndex: createIndex, name: name}
}

// testClaims makes one claim of an instance for each "route route …".
func testClaims(t *testing.T, byApp map[app]string) []claim {
	t.Helper()
	var all []claim
	for a, routes := range byApp {
		c := claim{instance: newInstance(a, a.name+"-0", 0, "127.0.0.1:1", "127.0.0.1:2")}
		for _, text := range strings.Fields(routes) {
			r, err := parseRoute(text)
			if err != nil {
				t.Fatalf("route %q: %v", text, err)
			}
			c.routes = append(c.routes, r)
		}
		all = append(all, c)
	}
	return all
}

func TestLookup(t *testing.T) {
	t.Parallel()
	table, notices := buildTable(testClaims(t, map[app]string{
		testApp("root", 1):     "shop.example.com",
		testApp("api", 2):      "shop.example.com/api",
		testApp("v2", 3):       "shop.example.com/api/v2/ Shop.Example.com/Caps",
		testApp("wild", 4):     "*.example.com",
		testApp("deep", 5):     "*.eu.example.com/only",
		testApp("odd", 6):      "odd.example.com/a%20b/%24%7Bx%7D%2Fy",
		testApp("pathonly", 7): "path.example.com/p",
		testApp("slash", 8):    "slash.example.com/a%2Fb",
		testApp("noslash", 9):  "slash.example.com/a/b",
	}))
	if len(notices) != 0 || table.size() != 10 {
		t.Fatalf("notices %q, %d routes, want none and 10", notices, table.size())
	}
	for _, c := range []struct{ host, path, want string }{
		{"shop.example.com", "/", "root"},
		{"shop.example.com", "", "root"},
		{"shop.example.com:8080", "/x", "root"},
		{"SHOP.example.COM.", "/", "root"},
		{"shop.example.com.:80", "/", "root"},
		{"shop.example.com", "/api", "api"},
		{"shop.example.com", "/api/", "api"},
		{"shop.example.com", "/api/x", "api"},
		{"shop.example.com", "/API/x", "api"},
		{"shop.example.com", "/apix", "root"},
		{"shop.example.com", "//api", "root"},
		{"shop.example.com", "/x/api", "root"},
		{"shop.example.com", "/%61pi", "api"},
		{"shop.example.com", "/api%2Fv2", "root"},
		{"shop.example.com", "/api%zz", "root"},
		{"shop.example.com", "/api/v2", "v2"},
		{"shop.example.com", "/api/v2/x", "v2"},
		{"shop.example.com", "/api/v22", "api"},
		{"shop.example.com", "/caps/x", "v2"},
		{"other.example.com", "/", "wild"},
		{"a.b.example.com", "/", "wild"},
		{"example.com", "/", ""},
		{"de.eu.example.com", "/only", "deep"},
		{"de.eu.example.com", "/other", "wild"},
		{"odd.example.com", "/a%20b/$%7bx}%2fy/z", "odd"},
		{"odd.example.com", "/a%20b", "wild"},
		{"path.example.com", "/p", "pathonly"},
		{"path.example.com", "/q", "wild"},
		{"slash.example.com", "/a%2fB/c", "slash"},
		{"slash.example.com", "/a/b/c", "noslash"},
		{"example.org", "/", ""},
		{"", "/", ""},
		{".", "/", ""},
		{"[::1]:80", "/", ""},
		{"127.0.0.1", "/", ""},
		{"evil.com#.example.com", "/", "wild"},
	} {
		got := ""
		if p := table.lookup(c.host, c.path); p != nil {
			got = p.app.name
		}
		if got != c.want {
			t.Errorf("lookup(%q, %q) = %q, want %q", c.host, c.path, got, c.want)
		}
	}
}

func TestOlderJobKeepsRoute(t *testing.T) {
	t.Parallel()
	claims := testClaims(t, map[app]string{
		testApp("young", 9): "a.example.com b.example.com/x",
		testApp("old", 3):   "A.example.com",
	})
	// In another space, with the same index: the order has to be stable.
	twin := testClaims(t, map[app]string{{namespace: "zoo", job: "old", createIndex: 3, name: "old"}: "a.example.com"})
	table, notices := buildTable(append(claims, twin...))
	if got := table.lookup("a.example.com", "/").app; got != testApp("old", 3) {
		t.Errorf("a.example.com went to %v", got)
	}
	if got := table.lookup("b.example.com", "/x").app; got != testApp("young", 9) {
		t.Errorf("b.example.com/x went to %v", got)
	}
	want := []string{
		"route a.example.com is claimed by two apps: app old (space default) keeps it as the older job, app old (space zoo) is not served there: take the route from one of their files",
		"route a.example.com is claimed by two apps: app old (space default) keeps it as the older job, app young (space default) is not served there: take the route from one of their files",
	}
	if d := cmp.Diff(want, notices); d != "" {
		t.Error(d)
	}
}

func TestParseRouteRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                          "empty",
		"/x":                        "empty",
		"a..example.com":            "empty",
		"127.0.0.1":                 "IP address",
		"127.1/x":                   "IP address",
		"a.example.com:8080":        `':'`,
		"[::1]":                     `'['`,
		"a*.example.com":            `'*'`,
		"*.*.example.com":           `'*'`,
		"*":                         `'*'`,
		"a.example.com/x?y":         "query",
		"a.example.com/%zz":         "percent-encoded",
		"a b.example.com":           `' '`,
		strings.Repeat("a", 64):     "63",
		strings.Repeat("a.", 130):   "253",
		"*." + "":                   "empty",
		"bücher.example.com":        "'ü'",
		"user@example.com":          `'@'`,
		"a.example.com\r\nX-Evil:1": "contains",
	} {
		if r, err := parseRoute(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseRoute(%q) = %v, %v; want an error with %q", text, r, err, want)
		}
	}
}

func TestPick(t *testing.T) {
	t.Parallel()
	a, now := testApp("a", 1), time.Now()
	var all []*instance
	for n, id := range []string{"x", "y", "z", "unready"} {
		i := newInstance(a, id, n, "127.0.0.1:1", "127.0.0.1:2")
		i.ready.Store(id != "unready")
		all = append(all, i)
	}
	p := newPool(route{host: "h"}, a, append(all, all[0], newInstance(testApp("b", 2), "foreign", 0, "", "")))
	if len(p.instances) != 4 {
		t.Fatalf("%d instances in the pool, want 4: each once, none of another app", len(p.instances))
	}
	count := func(tried ...*instance) map[string]int {
		got := map[string]int{}
		for range 30 {
			if i := p.pick("", tried, now); i != nil {
				got[i.alloc]++
			}
		}
		return got
	}
	for _, c := range []struct {
		name string
		do   func() map[string]int
		want map[string]int
	}{
		{"in turn", func() map[string]int { return count() }, map[string]int{"x": 10, "y": 10, "z": 10}},
		{"without those tried", func() map[string]int { return count(all[1]) }, map[string]int{"x": 15, "z": 15}},
		{"without one that failed", func() map[string]int { all[0].unreachable(now); return count() }, map[string]int{"y": 15, "z": 15}},
		{"failed ones if there is nothing else", func() map[string]int { return count(all[1], all[2]) }, map[string]int{"x": 30}},
		{"none", func() map[string]int { return count(all...) }, map[string]int{}},
	} {
		if d := cmp.Diff(c.want, c.do()); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	if got := p.pick("", all[1:], now.Add(2*suspicion)); got != all[0] {
		t.Error("an instance that failed is suspect for ever")
	}
}

func TestNoticeboardSaysThingsOnce(t *testing.T) {
	t.Parallel()
	var b noticeboard
	for i, c := range []struct{ now, want []string }{
		{[]string{"a", "a", "b"}, []string{"a", "b"}},
		{[]string{"a", "b"}, nil},
		{[]string{"b"}, nil},
		{[]string{"a", "b"}, []string{"a"}},
	} {
		if got := b.fresh(c.now); !slices.Equal(got, c.want) {
			t.Errorf("round %d: %q, want %q", i, got, c.want)
		}
	}
}

// FuzzLookup holds lookup against what matching means, spelled out.
func FuzzLookup(f *testing.F) {
	f.Add("shop.example.com/api", "SHOP.example.com:80", "/api/x")
	f.Add("*.example.com", "a.b.example.com.", "/")
	f.Add("a.b/%24%7b", "a.b", "/${/x")
	f.Add("a.b/x//y", "a.b", "/x//y/")
	f.Fuzz(func(t *testing.T, text, host, path string) {
		r, err := parseRoute(text)
		if err != nil {
			return
		}
		if again, err := parseRoute(r.host); err != nil || again.host != r.host {
			t.Fatalf("host %q of route %q does not parse as itself: %v", r.host, text, err)
		}
		table, _ := buildTable([]claim{{instance: newInstance(testApp("a", 1), "x", 0, "", ""), routes: []route{r}}})
		got := table.lookup(host, path) != nil

		h, p := requestHost(host), requestPath(path)
		want := h == r.host
		if domain, ok := strings.CutPrefix(r.host, "*"); ok {
			want = strings.HasSuffix(h, domain)
		}
		want = want && len(p) >= len(r.segments) && slices.Equal(p[:len(r.segments)], r.segments)
		if got != want {
			t.Fatalf("route %q, host %q, path %q: %v, want %v", text, host, path, got, want)
		}
		if got && isIP(h) {
			t.Fatalf("route %q took the router's own host %q", text, host)
		}
		if table.lookup(strings.ToUpper(r.host), "/"+strings.Join(escaped(r.segments), "/")) == nil && !r.wildcard() {
			t.Fatalf("route %q does not match itself", text)
		}
	})
}

func escaped(segments []string) []string {
	var out []string
	for _, s := range segments {
		out = append(out, url.PathEscape(s))
	}
	return out
}
