package remote

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text                    string
		kind                    Kind
		url, ref, shown, name   string
		user, password, hostURL string
	}{
		{"https://host/o/r.git", Git, "https://host/o/r.git", "", "https://host/o/r.git", "r", "", "", "https://host"},
		{"https://host/o/r", Git, "https://host/o/r", "", "https://host/o/r", "r", "", "", "https://host"},
		{"https://host:8443/o/r#v1.2/x", Git, "https://host:8443/o/r", "v1.2/x", "https://host:8443/o/r#v1.2/x", "r", "", "", "https://host:8443"},
		{"https://u:p%40%23@host/r.git#main", Git, "https://host/r.git", "main", "https://host/r.git#main", "r", "u", "p@#", "https://host"},
		{"https://token@host/r.zip?x=secret", Archive, "https://host/r.zip?x=secret", "", "https://host/r.zip?…", "r", "token", "", "https://host"},
		{"http://host/r.TGZ", Archive, "http://host/r.TGZ", "", "http://host/r.TGZ", "r.TGZ", "", "", "http://host"},
		{"https://host/r-v1.tar.gz", Archive, "https://host/r-v1.tar.gz", "", "https://host/r-v1.tar.gz", "r-v1", "", "", "https://host"},
		{"ssh://git@host:2222/o/r.git#v1", Git, "ssh://git@host:2222/o/r.git", "v1", "ssh://git@host:2222/o/r.git#v1", "r", "", "", "ssh://host:2222"},
		{"git@host:o/r.git#v1", Git, "git@host:o/r.git", "v1", "git@host:o/r.git#v1", "r", "", "", "ssh://host"},
		{"https://[::1]:8443/r.git", Git, "https://[::1]:8443/r.git", "", "https://[::1]:8443/r.git", "r", "", "", "https://[::1]:8443"},
		{"git@host:r", Git, "git@host:r", "", "git@host:r", "r", "", "", "ssh://host"},
	}
	for _, tt := range tests {
		a, err := Parse(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		want := Address{Kind: tt.kind, Shown: tt.shown, Ref: tt.ref, url: tt.url, host: tt.hostURL, user: tt.user, password: tt.password}
		if a != want {
			t.Errorf("%s:\n is  %+v\nwant %+v", tt.text, a, want)
		}
		if !IsAddress(tt.text) || a.Name() != tt.name {
			t.Errorf("%s: name %q, want %q", tt.text, a.Name(), tt.name)
		}
		if hidden := a.Hide().Shown; strings.Contains(hidden, "r.git") || !strings.HasPrefix(hidden, tt.hostURL) {
			t.Errorf("%s is hidden as %s", tt.text, hidden)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"ext::sh -c id":                                  "start programs",
		"ext::https://host/x":                            "start programs",
		"file:///etc":                                    "file:// is not supported",
		"git://host/r.git":                               "git:// is not supported",
		"http://host/r.git":                              "write https://",
		"http://u:t0ken@host/r.zip":                      "without encryption",
		"ssh://git:t0ken@host/r":                         "no password",
		"ssh://-oProxyCommand=id/r":                      "its host is no name",
		"ssh://-oProxyCommand=id@host/r":                 "its user is no name",
		"https://u:p@x.helper=!touch$IFS/r.git":          "its host is no name",
		"https://u:p@*.*.example/r.git":                  "its host is no name",
		"git@h*st:r.git":                                 "its user, host or path is none",
		"-oProxyCommand=id@host:r":                       "its user, host or path is none",
		"git@-oProxyCommand:r":                           "its user, host or path is none",
		"git@host:-r":                                    "its user, host or path is none",
		"https:///r.git":                                 "no host",
		"https://host/r.git#--upload-pack=id":            "what follows #",
		"https://host/r.git#a b":                         "what follows #",
		"https://host/r.git#a..b":                        "what follows #",
		"https://host/r.git#refs/heads/*":                "what follows #",
		"https://host/r.git#main^{}":                     "what follows #",
		"https://host/r.git#-x":                          "what follows #",
		"https://host/r.zip#v1":                          "no branches",
		"https://us%zz:t0ken@host/x":                     "%23",
		"https://user:a#t0ken@host/x":                    "%23",
		"https://user:12#t0ken@host/x":                   "%23",
		"https://host/r\n.git":                           "control character",
		"https://u:a%0at0ken@host/r.git":                 "control character",
		"git@host:o/r.git#-v":                            "what follows #",
		"https://user:t0ken@host/r.git#with blank":       "what follows #",
		"https://user:t0ken@host/r.zip?k=t0ken#fragment": "no branches",
	} {
		_, err := Parse(text)
		var refused *AddressError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, want %q", text, err, says)
			continue
		}
		if strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%q: the error shows the password: %v", text, err)
		}
		if !IsAddress(text) {
			t.Errorf("%q is not taken for an address", text)
		}
	}
	for _, text := range []string{"staticfile", "./x", "../git@x", "/a/b", "python_buildpack", "C:/x"} {
		if IsAddress(text) {
			t.Errorf("%q is taken for an address", text)
		}
	}
}
