package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"wadi/internal/s3test"
	"wadi/nomad"
	"wadi/stage/blob"
)

func TestS3CredentialsFrom(t *testing.T) {
	t.Parallel()
	type env = map[string]string
	for name, c := range map[string]struct {
		env  env
		want s3Credentials
		err  string
	}{
		"none":      {env{}, "", ""},
		"both":      {env{"AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s"}, "[default]\naws_access_key_id = i\naws_secret_access_key = s\n", ""},
		"half":      {env{"AWS_ACCESS_KEY_ID": "i"}, "", "only one"},
		"temporary": {env{"AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}, "", "AWS_SESSION_TOKEN"},
		"lines":     {env{"AWS_ACCESS_KEY_ID": "i\nx", "AWS_SECRET_ACCESS_KEY": "s"}, "", "more than one line"},
	} {
		got, err := s3CredentialsFrom(func(k string) string { return c.env[k] })
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, error %v", name, got, err)
		}
	}
}

// The platform on a bucket: what is put there comes back, nothing of the
// credentials is in the job, and other credentials start it anew.
func TestPlatformOnS3(t *testing.T) {
	s3 := s3test.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", s3.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3.SecretKey)
	ctx := t.Context()
	client, o := testPlatform(t)
	o.Store = s3.URL("wadi")
	var err error
	if o.S3, err = s3CredentialsFrom(func(k string) string {
		return map[string]string{"AWS_ACCESS_KEY_ID": s3.AccessKey, "AWS_SECRET_ACCESS_KEY": s3.SecretKey}[k]
	}); err != nil {
		t.Fatal(err)
	}
	done, err := platformApply(ctx, client, o, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if done.Data != o.Store {
		t.Errorf("keeps its data in %s, want %s", done.Data, o.Store)
	}
	blobs := &blob.Client{URL: done.Platform.BlobURL, Token: func() (string, error) { return done.Platform.BlobToken, nil }}
	b, _, err := blobs.Upload(ctx, strings.NewReader("hello"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := blobs.Open(ctx, b.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "hello" {
		t.Errorf("got %q, error %v", got, err)
	}
	job, err := client.Job(ctx, nomad.BlobStoreJobID)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(s3.SecretKey)) || bytes.Contains(text, []byte(s3.AccessKey)) {
		t.Error("credentials are in the job")
	}

	before := writes(t, client)
	o.Store, o.S3 = "", ""
	again, err := platformApply(ctx, client, o, quiet)
	if err != nil || again.Changed || again.Data != done.Data || writes(t, client) != before {
		t.Errorf("asking for nothing: %+v, error %v", again, err)
	}
	o.Store, o.S3 = s3.URL("wadi"), s3Credentials("[default]\naws_access_key_id = "+s3.AccessKey+"\naws_secret_access_key=  "+s3.SecretKey+"\n")
	if other, err := platformApply(ctx, client, o, quiet); err != nil || !other.Changed {
		t.Errorf("other credentials: %+v, error %v", other, err)
	}
	if has, err := blobs.Has(ctx, b.Digest); !has || err != nil {
		t.Errorf("afterwards Has = %v, error %v", has, err)
	}

	var out bytes.Buffer
	streams := Streams{Out: &out, Err: &out}
	if err := platformDestroy(ctx, streams, settings{AutoApprove: true}, client, true); err == nil || !strings.Contains(err.Error(), "--purge-data") {
		t.Errorf("purging a bucket: %v", err)
	}
	if err := platformDestroy(ctx, streams, settings{AutoApprove: true}, client, false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), done.Data) {
		t.Errorf("destroy does not say where the data stays: %s", &out)
	}
	if paths, err := client.ListVariables(ctx, "nomad/jobs/wadi-"); err != nil || len(paths) > 0 {
		t.Errorf("left behind: %v, %v", paths, err)
	}
}
