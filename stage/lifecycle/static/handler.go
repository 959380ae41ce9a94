package static

import (
	"fmt"
	"html"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
)

// private are the files of an app that are not meant for its visitors. They
// are hidden at the top of the app only.
var private = map[string]bool{
	"Staticfile": true, "Staticfile.auth": true, "Procfile": true,
	"manifest.yml": true, "manifest.yaml": true, "stackato.yml": true, "wadi.hcl": true,
}

// handler serves the files below root, and nothing outside of it whatever
// links say.
type handler struct {
	config
	root *os.Root
}

// ServeHTTP answers GET and HEAD.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.ForceHTTPS && r.Header.Get("X-Forwarded-Proto") != "https" {
		http.Redirect(w, r, "https://"+r.Host+r.URL.RequestURI(), http.StatusMovedPermanently)
		return
	}
	if h.HSTS {
		w.Header().Set("Strict-Transport-Security", h.hsts())
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if name == "" {
		name = "."
	}
	err := fs.ErrNotExist
	if !h.hidden(name) {
		err = h.serve(w, r, name)
	}
	if err != nil {
		h.notFound(w, r)
	}
}

func (h *handler) hsts() string {
	value := "max-age=31536000"
	if h.HSTSSubs {
		value += "; includeSubDomains"
	}
	if h.HSTSPreload {
		value += "; preload"
	}
	return value
}

func (h *handler) hidden(name string) bool {
	if h.Root == "." && private[name] {
		return true
	}
	if h.DotFiles || name == "." {
		return false
	}
	for segment := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(segment, ".") {
			return true
		}
	}
	return false
}

// serve answers with the file or folder, or returns an error before it has
// written anything.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, name string) error {
	info, err := h.root.Stat(name)
	if err != nil {
		return err
	}
	slash := strings.HasSuffix(r.URL.Path, "/")
	if !info.IsDir() {
		if slash {
			return fs.ErrNotExist
		}
		return h.file(w, r, name)
	}
	if !slash {
		target := url.URL{Path: "/" + name + "/", RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, target.String(), http.StatusMovedPermanently)
		return nil
	}
	index := path.Join(name, "index.html")
	if _, err := h.root.Stat(index); err == nil {
		return h.file(w, r, index)
	}
	if h.Directory {
		return h.list(w, name)
	}
	if h.Pushstate || name == "." {
		return fs.ErrNotExist
	}
	http.Error(w, "403 Forbidden", http.StatusForbidden)
	return nil
}

// file serves one file, or its gzipped twin (name.gz) to who takes it. The
// ETag is made of time and size, as nginx does: an instance's files carry the
// time of their staging.
func (h *handler) file(w http.ResponseWriter, r *http.Request, name string) error {
	actual := name
	if _, err := h.root.Stat(name + ".gz"); err == nil {
		w.Header().Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			actual = name + ".gz"
		}
	}
	f, err := h.root.Open(actual)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fs.ErrNotExist
	}
	if actual != name {
		w.Header().Set("Content-Encoding", "gzip")
		if contentType := mime.TypeByExtension(path.Ext(name)); contentType != "" {
			w.Header().Set("Content-Type", contentType)
		} else {
			w.Header().Set("Content-Type", "application/octet-stream")
		}
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().Unix(), info.Size()))
	http.ServeContent(w, r, name, info.ModTime(), f)
	return nil
}

func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, parameters, _ := strings.Cut(part, ";")
		if strings.TrimSpace(coding) == "gzip" {
			q := strings.TrimPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
			return strings.Trim(q, "0.") != "" || q == ""
		}
	}
	return false
}

// list shows a folder (`directory: visible`).
func (h *handler) list(w http.ResponseWriter, name string) error {
	f, err := h.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	var page strings.Builder
	title := html.EscapeString(path.Clean("/" + name))
	fmt.Fprintf(&page, "<!doctype html>\n<title>Index of %s</title>\n<h1>Index of %s</h1>\n<pre>\n", title, title)
	if name != "." {
		page.WriteString("<a href=\"../\">../</a>\n")
	}
	for _, entry := range sorted(entries) {
		if h.hidden(path.Join(name, entry.Name())) {
			continue
		}
		label := entry.Name()
		if entry.IsDir() {
			label += "/"
		}
		link := url.URL{Path: "./" + label}
		fmt.Fprintf(&page, "<a href=\"%s\">%s</a>\n", html.EscapeString(link.String()), html.EscapeString(label))
	}
	page.WriteString("</pre>\n")
	_, _ = io.WriteString(w, page.String()) // the visitor may have left
	return nil
}

// notFound answers for a path that is not there.
func (h *handler) notFound(w http.ResponseWriter, r *http.Request) {
	if h.Pushstate {
		if err := h.file(w, r, "index.html"); err == nil {
			return
		}
	}
	page := h.NotFoundPage
	if page == "" {
		page = "404.html"
	}
	content, err := h.root.ReadFile(page)
	if err != nil {
		http.Error(w, "404 Not Found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	if r.Method == http.MethodGet {
		_, _ = w.Write(content) // the visitor may have left
	}
}
