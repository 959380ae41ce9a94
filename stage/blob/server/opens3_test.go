package server

import (
	"path/filepath"
	"strings"
	"testing"

	"wadi/internal/s3test"
)

func TestParseS3Store(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]S3Store{
		"s3://b":                       {Bucket: "b"},
		"s3://b/":                      {Bucket: "b"},
		"s3://b/wadi/eu/":              {Bucket: "b", Prefix: "wadi/eu/"},
		"s3://b?region=eu-central-1":   {Bucket: "b", Region: "eu-central-1"},
		"s3://b/f?endpoint=http://h:1": {Bucket: "b", Prefix: "f/", Endpoint: "http://h:1"},
		"s3://b?endpoint=https://h&use_path_style=true": {Bucket: "b", Endpoint: "https://h", PathStyle: true},
	} {
		if got, err := ParseS3Store(text); err != nil || got != want {
			t.Errorf("%s: %+v, error %v, want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                "not the URL of a store",
		"/var/lib/blobs":                  "not the URL of a store",
		"https://b.s3.amazonaws.com":      "not the URL of a store",
		"s3://":                           "not the URL of a store",
		"s3://%zz":                        "cannot be read as a URL",
		"s3://id:secret@b":                "AWS_ACCESS_KEY_ID",
		"s3://b?secret_key=secret":        "AWS_ACCESS_KEY_ID",
		"s3://b?regoin=x":                 `"regoin" is not known`,
		"s3://b?region=x&region=y":        `"region" is not known, or given twice`,
		"s3://b?use_path_style=maybe":     "not true or false",
		"s3://b?endpoint=h:9000":          "not an http or https URL",
		"s3://b?endpoint=http://i:p@h:90": "not an http or https URL",
	} {
		_, err := ParseS3Store(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(text, "secret") && strings.Contains(err.Error(), "id:secret") {
			t.Errorf("%s: the error shows the secret: %v", text, err)
		}
	}
}

// What is wrong with a bucket is said when the server starts, not when the
// first app is pushed.
func TestOpenS3Refuses(t *testing.T) {
	t.Parallel()
	s := s3test.Start(t)
	open := func(s s3test.Server, region string) error {
		at, err := ParseS3Store(s.URL(""))
		if err != nil {
			t.Fatal(err)
		}
		at.Region = region
		b, err := OpenS3(t.Context(), at, s.CredentialsFile(t))
		if err == nil {
			b.Close()
		}
		return err
	}
	none := *s
	none.Bucket = "no-such-bucket"
	wrong := *s
	wrong.SecretKey = "wrong"
	nobody := *s
	nobody.AccessKey = "nobody"
	gone := *s
	gone.Endpoint = "http://127.0.0.1:1"
	for name, c := range map[string]struct{ err, want string }{
		"no bucket":    {errText(open(none, s.Region)), "there is no S3 bucket no-such-bucket"},
		"wrong secret": {errText(open(wrong, s.Region)), "refuses the credentials for the S3 bucket wadi-test (SignatureDoesNotMatch): check AWS_ACCESS_KEY_ID"},
		"unknown key":  {errText(open(nobody, s.Region)), "refuses the credentials for the S3 bucket wadi-test"},
		"no server":    {errText(open(gone, s.Region)), "the S3 server http://127.0.0.1:1 cannot be reached: dial tcp 127.0.0.1:1: connect: connection refused: check the store's endpoint"},
		"wrong region": {errText(open(*s, "mars-1")), "the S3 bucket wadi-test at http://127.0.0.1"},
	} {
		if !strings.Contains(c.err, c.want) {
			t.Errorf("%s: %s, want %q", name, c.err, c.want)
		}
		t.Log(name + ": " + c.err)
	}
	if _, err := OpenS3(t.Context(), S3Store{Bucket: "b", Region: "x"}, "/no/such/file"); err == nil || !strings.Contains(err.Error(), "/no/such/file") {
		t.Errorf("no credentials file: %v", err)
	}
}

func errText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// Without any credentials the error says where to put some: the server's own
// would be that of the machine's metadata service.
func TestOpenS3WithoutCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, filepath.Join(t.TempDir(), "none"))
	}
	_, err := OpenS3(t.Context(), S3Store{Bucket: "shop", Region: "eu-central-1", Endpoint: "http://127.0.0.1:1"}, "")
	if err == nil || !strings.Contains(err.Error(), "there are no credentials for the S3 bucket shop: set AWS_ACCESS_KEY_ID") {
		t.Errorf("error %v", err)
	}
}
