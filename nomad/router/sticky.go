package router

import "net/http"

// Session affinity as gorouter has it: an app that sets a session cookie gets
// a second one beside it that names the instance, and requests with both go
// there as long as it is ready.
const (
	sessionCookie  = "JSESSIONID"
	instanceCookie = "__VCAP_ID__"
)

// stickyTo is the allocation that a request's session lives on, or "".
func stickyTo(r *http.Request) string {
	if _, err := r.Cookie(sessionCookie); err != nil {
		return ""
	}
	c, err := r.Cookie(instanceCookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// stick adds the cookie that names the instance to a response that starts a
// session, or that came from another instance than the session's. It lives as
// long as the session's cookie.
func stick(res *http.Response, wanted, alloc string) {
	var session *http.Cookie
	for _, c := range res.Cookies() {
		switch c.Name {
		case sessionCookie:
			session = c
		case instanceCookie:
			return // the app does it itself
		}
	}
	switch {
	case session != nil:
	case wanted != "" && wanted != alloc:
		session = &http.Cookie{}
	default:
		return
	}
	path := session.Path
	if path == "" {
		path = "/"
	}
	c := &http.Cookie{
		Name: instanceCookie, Value: alloc, Path: path, HttpOnly: true,
		Secure: session.Secure, SameSite: session.SameSite, Partitioned: session.Partitioned,
		MaxAge: session.MaxAge, Expires: session.Expires,
	}
	res.Header.Add("Set-Cookie", c.String())
}
