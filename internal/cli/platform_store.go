package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/nomad/api"

	"wadi/nomad"
	"wadi/stage/blob/server"
)

// s3Credentials are what the platform's job gets for an S3 store, in the form
// of AWS's credentials files; "" = none.
type s3Credentials string

// s3CredentialsFrom takes them from the environment, as AWS's tools do.
func s3CredentialsFrom(env func(string) string) (s3Credentials, error) {
	id, secret := env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")
	switch {
	case id == "" && secret == "":
		return "", nil
	case id == "" || secret == "":
		return "", errors.New("of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set")
	case env("AWS_SESSION_TOKEN") != "":
		return "", withHint(errors.New("AWS_SESSION_TOKEN is set: these credentials for S3 end, and the platform goes on"),
			"give ones that last, or unset AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN and let the machine of the blob store have its own (~/.aws of the agent's user, an instance role)")
	case strings.ContainsAny(id+secret, "\r\n"):
		return "", errors.New("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY has more than one line")
	}
	return s3Credentials(fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret)), nil
}

// key names them in the Variable. Other credentials have another key, so the
// job changes with them and its task starts anew.
func (c s3Credentials) key() string {
	if c == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(c))
	return "s3-" + hex.EncodeToString(sum[:8])
}

// storeKeyOf is the key of the credentials that a blob store's job starts
// with, "" if it has none.
func storeKeyOf(job *api.Job) string {
	if job == nil {
		return ""
	}
	for _, key := range nomad.Keys(job) {
		if strings.HasPrefix(key, "s3-") {
			return key
		}
	}
	return ""
}

// checkStore opens the store as the job will, where that can be known here.
func checkStore(ctx context.Context, store string, c s3Credentials) error {
	at, err := server.ParseS3Store(store)
	if err != nil || c == "" {
		return err
	}
	bucket, err := server.OpenS3(ctx, at, "")
	if err != nil {
		return err
	}
	return bucket.Close()
}

// writeStoreCredentials puts them where the job reads them, beside those that
// a running instance started with.
func writeStoreCredentials(ctx context.Context, client *nomad.Client, c s3Credentials, running string) error {
	if c == "" {
		return nil
	}
	v, err := client.ReadVariable(ctx, nomad.StoreVariablePath)
	if err != nil {
		return err
	}
	items := map[string]string{c.key(): string(c)}
	if old, ok := v.Items[running]; ok {
		items[running] = old
	}
	v.Items = items
	_, err = client.WriteVariable(ctx, nomad.StoreVariablePath, v)
	return err
}
