package router

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestSessionStaysOnItsInstance(t *testing.T) {
	t.Parallel()
	var all []*instance
	for range 3 {
		var i *instance
		i = backend(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: "s", Path: "/app", Secure: true, MaxAge: 60, SameSite: http.SameSiteStrictMode})
			}
			io.WriteString(w, i.alloc)
		})
		all = append(all, i)
	}
	e := newEdge(t, all...)
	ask := func(path, cookies string) (string, string) {
		r := e.request(t, "GET", path, nil)
		r.Header.Set("Cookie", cookies)
		res, alloc := e.do(t, r)
		return alloc, strings.Join(res.Header["Set-Cookie"], "\n")
	}
	alloc, set := ask("/login", "")
	want := "JSESSIONID=s; Path=/app; Max-Age=60; Secure; SameSite=Strict\n__VCAP_ID__=" + alloc + "; Path=/app; Max-Age=60; HttpOnly; Secure; SameSite=Strict"
	if strings.ReplaceAll(set, `"`, "") != want {
		t.Fatalf("cookies\n%s\nwant\n%s", set, want)
	}
	session := "JSESSIONID=s; __VCAP_ID__=" + alloc
	for range 9 {
		if got, set := ask("/", session); got != alloc || set != "" {
			t.Fatalf("%s answered, with cookies %q; the session is on %s", got, set, alloc)
		}
	}
	seen := map[string]bool{}
	for range 9 {
		got, set := ask("/", "__VCAP_ID__="+alloc) // without a session it means nothing
		seen[got] = true
		if set != "" {
			t.Errorf("cookies %q for a client that has no session", set)
		}
	}
	if len(seen) != 3 {
		t.Errorf("requests without a session went to %v", seen)
	}
	for _, i := range all {
		i.ready.Store(i.alloc != alloc)
	}
	moved, set := ask("/", session)
	if moved == alloc || !strings.HasPrefix(set, "__VCAP_ID__=") || !strings.Contains(set, moved) {
		t.Errorf("with its instance gone the session went to %s, cookies %q", moved, set)
	}
}
