package remote

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wadi/internal/sourcetest"
)

// served is a server of one archive, which counts how often it was asked.
type served struct {
	*httptest.Server
	asked atomic.Int64
}

func serve(t *testing.T, answer func(n int64, w http.ResponseWriter, r *http.Request)) *served {
	t.Helper()
	s := &served{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(s.asked.Add(1), w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// bp is a buildpack as a zip.
func bp(t *testing.T, detect string) []byte {
	t.Helper()
	return makeZip(t, zipFile{name: "bin/detect", mode: 0o755, content: detect})
}

func TestArchiveAnswers(t *testing.T) {
	t.Parallel()
	good := bp(t, "d")
	tests := []struct {
		name        string
		answer      func(n int64, w http.ResponseWriter, r *http.Request)
		asked       int64
		unreachable bool
		says        string // "" = it works
	}{
		{"at once", func(_ int64, w http.ResponseWriter, _ *http.Request) { w.Write(good) }, 1, false, ""},
		{"503, then there", func(n int64, w http.ResponseWriter, _ *http.Request) {
			if n < 3 {
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return
			}
			w.Write(good)
		}, 3, false, ""},
		{"503 for ever", func(_ int64, w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "busy", http.StatusServiceUnavailable)
		},
			4, true, "503 Service Unavailable"},
		{"cut off, then whole", func(n int64, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			if n == 1 {
				w.Write(good[:len(good)/2])
				return
			}
			w.Write(good)
		}, 2, false, ""},
		{"cut off for ever", func(_ int64, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			w.Write(good[:len(good)/2])
		}, 4, true, fmt.Sprintf("broke off after %d bytes", len(good)/2)},
		{"connection closed", func(_ int64, w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, 4, true, "it cannot be reached"},
		{"404", func(_ int64, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, 1, false, "404 Not Found: check the address"},
		{"401", func(_ int64, w http.ResponseWriter, _ *http.Request) { http.Error(w, "who?", http.StatusUnauthorized) }, 1, false, "put user and token into the address"},
		{"redirected in circles", func(_ int64, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		},
			10, false, "redirects more than 10 times"},
		{"redirected to http", func(_ int64, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+r.URL.Path, http.StatusFound)
		}, 1, false, "without encryption"},
		{"redirected", func(_ int64, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/there.bin" {
				http.Redirect(w, r, "/there.bin", http.StatusFound)
				return
			}
			w.Write(good)
		}, 2, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, tt.answer)
			s := store(t)
			pin, err := s.Pin(t.Context(), parse(t, server.URL+"/bp.zip?token=t0ken"), "")
			if server.asked.Load() != tt.asked {
				t.Errorf("asked %d times, want %d", server.asked.Load(), tt.asked)
			}
			if tt.says != "" {
				var away *UnreachableError
				if err == nil || errors.As(err, &away) != tt.unreachable || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "t0ken") {
					t.Errorf("error %v, want %q, unreachable: %v", err, tt.says, tt.unreachable)
				}
				return
			}
			if err != nil || pin.Digest != sum(good) {
				t.Fatalf("pinned to %s (%v), want %s", pin.Digest, err, sum(good))
			}
			if dir, err := s.Fetch(t.Context(), pin); err != nil || read(t, dir+"/bin/detect") != "d" {
				t.Errorf("not unpacked: %v", err)
			}
			if server.asked.Load() != tt.asked {
				t.Error("what was pinned was downloaded again")
			}
		})
	}
}

// A server that says so spares the download; one that does not is believed
// when it sends something else.
func TestArchiveUnchanged(t *testing.T) {
	t.Parallel()
	content := bp(t, "one")
	var sent atomic.Int64
	server := serve(t, func(_ int64, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+sum(content)+`"`)
		if r.Header.Get("If-None-Match") == `"`+sum(content)+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent.Add(1)
		w.Write(content)
	})
	s, address := store(t), parse(t, server.URL+"/bp.zip")
	pin := func() string {
		p, err := s.Pin(t.Context(), address, "")
		if err != nil {
			t.Fatal(err)
		}
		return p.Digest
	}
	for range 2 {
		if pin() != sum(content) || sent.Load() != 1 {
			t.Errorf("sent %d times, want once", sent.Load())
		}
	}
	content = bp(t, "two")
	if pin() != sum(content) || sent.Load() != 2 {
		t.Errorf("another archive is not noticed; sent %d times", sent.Load())
	}
	if err := os.RemoveAll(s.Dir); err != nil { // the cache may go at any time
		t.Fatal(err)
	}
	if pin() != sum(content) || sent.Load() != 3 {
		t.Errorf("without the cache: sent %d times", sent.Load())
	}
}

func TestArchiveDigest(t *testing.T) {
	t.Parallel()
	content := bp(t, "d")
	server := serve(t, func(_ int64, w http.ResponseWriter, _ *http.Request) { w.Write(content) })
	s, address := store(t), parse(t, server.URL+"/bp.zip")
	pin, err := s.Pin(t.Context(), address, sum(content))
	if err != nil || server.asked.Load() != 0 {
		t.Fatalf("a given digest asks the server (%v)", err)
	}
	if _, err := s.Fetch(t.Context(), pin); err != nil {
		t.Error(err)
	}
	wrong := strings.Repeat("0", 64)
	if pin, err = s.Pin(t.Context(), address, wrong); err != nil {
		t.Fatal(err)
	}
	_, err = s.Fetch(t.Context(), pin)
	var refused *SourceError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "its sha256 is "+sum(content)+", the files say "+wrong) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Lstat(s.Dir + "/trees/" + wrong); err == nil {
		t.Error("it was unpacked")
	}
}

func TestArchivePassword(t *testing.T) {
	t.Parallel()
	content := bp(t, "d")
	server := serve(t, func(_ int64, w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != sourcetest.User || password != sourcetest.Password {
			http.Error(w, "who are you?", http.StatusForbidden)
			return
		}
		w.Write(content)
	})
	login := strings.Replace(server.URL, "://", "://deploy:t0p%3Ageheim%40%23@", 1)
	pin, err := store(t).Pin(t.Context(), parse(t, login+"/bp.zip"), "")
	if err != nil || pin.Address.Shown != server.URL+"/bp.zip" {
		t.Errorf("shown as %q (%v)", pin.Address.Shown, err)
	}
	_, err = store(t).Pin(t.Context(), parse(t, strings.Replace(server.URL, "://", "://deploy:t0p-wrong@", 1)+"/bp.zip"), "")
	if err == nil || !strings.Contains(err.Error(), "check the user and token") {
		t.Fatalf("error %v", err)
	}
	noSecret(t, err)
}

// What is no archive is neither pinned nor remembered: a login's page would be
// staged with, else, or go for what changed.
func TestPinNoArchive(t *testing.T) {
	t.Parallel()
	good := bp(t, "d")
	server := serve(t, func(n int64, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"same"`)
		switch {
		case n == 1:
			fmt.Fprint(w, "<!DOCTYPE html><title>Sign in</title>")
		case n == 2:
			w.Write(good[:len(good)-30])
		case r.Header.Get("If-None-Match") != "":
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Write(good)
		}
	})
	s := store(t)
	for _, want := range []string{"it is a web page", "it is damaged"} {
		_, err := s.Pin(t.Context(), parse(t, server.URL+"/bp.zip"), "")
		var refused *SourceError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if pin, err := s.Pin(t.Context(), parse(t, server.URL+"/bp.zip"), ""); err != nil || pin.Digest != sum(good) {
		t.Errorf("%+v (%v)", pin, err)
	}
}

// A server that is redirected to is not the one that the password is for, on
// another port of the same host neither.
func TestArchivePasswordStaysHome(t *testing.T) {
	t.Parallel()
	content := bp(t, "d")
	var given atomic.Value
	elsewhere := serve(t, func(_ int64, w http.ResponseWriter, r *http.Request) {
		given.Store(r.Header.Get("Authorization"))
		w.Write(content)
	})
	home := serve(t, func(_ int64, w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		switch {
		case password != sourcetest.Password:
			http.Error(w, "who are you?", http.StatusForbidden)
		case r.URL.Path == "/bp.zip":
			http.Redirect(w, r, "/moved.zip", http.StatusFound)
		default:
			http.Redirect(w, r, elsewhere.URL+"/bp.zip", http.StatusFound)
		}
	})
	login := strings.Replace(home.URL, "://", "://deploy:t0p%3Ageheim%40%23@", 1)
	pin, err := store(t).Pin(t.Context(), parse(t, login+"/bp.zip"), "")
	if err != nil || pin.Digest != sum(content) {
		t.Fatalf("%+v (%v)", pin, err)
	}
	if header := given.Load(); header != "" {
		t.Errorf("the other server was given %q", header)
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"https://example.com/a", "https://EXAMPLE.com/b?c", true},
		{"https://example.com", "https://ci:pw@example.com", true},
		{"https://example.com", "https://example.com:8443", false},
		{"https://example.com", "https://below.example.com", false},
		{"https://example.com", "http://example.com", false},
	} {
		a, err := url.Parse(c.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := url.Parse(c.b)
		if err != nil {
			t.Fatal(err)
		}
		if got := server(a) == server(b); got != c.same {
			t.Errorf("%s and %s are the same server: %v", c.a, c.b, got)
		}
	}
}

// Both ways of fetching tell what to do about a certificate.
func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	for _, path := range []string{"/bp.zip", "/bp.git"} {
		_, err := store(t).Pin(t.Context(), parse(t, server.URL+path), "")
		var wrong *SourceError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "set SSL_CERT_FILE") {
			t.Errorf("%s: error %v", path, err)
		}
	}
}
