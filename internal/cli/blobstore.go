package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
	"github.com/spf13/cobra"
	"gocloud.dev/blob"

	"wadi/nomad/agent/flock"
	"wadi/stage/blob/server"
)

// blobstoreOptions say how the server runs.
type blobstoreOptions struct {
	Listen      string
	Data        string // a folder, or
	Store       string // an S3 URL
	Credentials string // file, for Store
	JWKSURL     string
	TokenFile   string
	Operator    string // sha256 of the operators' token
}

func newBlobstore(streams Streams) *cobra.Command {
	var o blobstoreOptions
	cmd := &cobra.Command{
		Use:   "blobstore",
		Short: "Run the blob store's server (the platform's job does)",
		Long: `Run the blob store's server: it keeps packages, droplets and staging results
in a folder (--data) or in an S3 bucket (--store). "wadi platform apply" runs
it as a Nomad job. It ends at SIGTERM, after the requests under way. One server
at a time may use a folder or a bucket.

Credentials for S3 are looked for where AWS's own tools look, or read from
--s3-credentials. Nomad's certificates are those of NOMAD_CACERT,
NOMAD_CLIENT_CERT, ….`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBlobstore(cmd.Context(), streams, o) },
	}
	cmd.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8470", "the `address` to listen on")
	cmd.Flags().StringVar(&o.Data, "data", "", "the `folder` that keeps the blobs")
	cmd.Flags().StringVar(&o.Store, "store", "", storeUsage)
	cmd.Flags().StringVar(&o.Credentials, "s3-credentials", "", "the `file` with the credentials for --store, as AWS's tools have it")
	cmd.Flags().StringVar(&o.JWKSURL, "jwks-url", "", "the `URL` where Nomad publishes the keys of its identities")
	cmd.Flags().StringVar(&o.TokenFile, "token-file", "", "the `file` with the people's token")
	cmd.Flags().StringVar(&o.Operator, strings.TrimPrefix(operatorFlag, "--"), "", "the sha256 (`hex`) of the operators' token, with which garbage is collected")
	for _, name := range []string{"jwks-url", "token-file"} {
		mustRequire(cmd, name)
	}
	cmd.MarkFlagsOneRequired("data", "store")
	cmd.MarkFlagsMutuallyExclusive("data", "store")
	cmd.MarkFlagsMutuallyExclusive("data", "s3-credentials")
	return cmd
}

// operatorFlag tells the server who may collect garbage.
const operatorFlag = "--operator-sha256"

const storeUsage = "the S3 `URL` that keeps the blobs: s3://BUCKET[/FOLDER][?region=…&endpoint=https://…&use_path_style=true]"

func runBlobstore(ctx context.Context, streams Streams, o blobstoreOptions) error {
	client, err := nomadHTTP()
	if err != nil {
		return err
	}
	auth, err := server.NewAuth(server.AuthOptions{TokenFile: o.TokenFile, OperatorSHA256: o.Operator, JWKSURL: o.JWKSURL, HTTP: client})
	if err != nil {
		return err
	}
	bucket, where, err := openBlobs(ctx, o)
	if err != nil {
		return err
	}
	defer bucket.Close()
	if o.Data != "" {
		lock, err := flock.Try(filepath.Join(where, "lock"), flock.Exclusive)
		if err != nil {
			return withHint(fmt.Errorf("use the folder %s: %w", where, err), "where another blob store runs on it, give this one a folder of its own with --data")
		}
		defer lock.Unlock()
	}
	logger := slog.New(slog.NewTextHandler(streams.Err, nil))
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return withHint(fmt.Errorf("listen for clients of the blob store: %w", err), "give a free address with --listen")
	}
	logger.Info("the blob store listens", "address", l.Addr().String(), "data", where)
	return server.Serve(ctx, l, server.New(server.Options{Bucket: bucket, Auth: auth, Logger: logger}))
}

// openBlobs opens what keeps the blobs, and says where that is.
func openBlobs(ctx context.Context, o blobstoreOptions) (bucket *blob.Bucket, where string, err error) {
	if o.Store != "" {
		at, err := server.ParseS3Store(o.Store)
		if err != nil {
			return nil, "", err
		}
		bucket, err = server.OpenS3(ctx, at, o.Credentials)
		return bucket, o.Store, err
	}
	if where, err = filepath.Abs(o.Data); err != nil {
		return nil, "", fmt.Errorf("find the folder %s: %w", o.Data, err)
	}
	bucket, err = server.OpenDir(where)
	return bucket, where, err
}

// nomadHTTP is a client that has Nomad's certificates.
func nomadHTTP() (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	if err := api.ConfigureTLS(client, api.DefaultConfig().TLSConfig); err != nil {
		return nil, withHint(fmt.Errorf("read Nomad's certificates: %w", err), "see NOMAD_CACERT, NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY")
	}
	return client, nil
}

// mustRequire marks a flag as required; that it does not exist is a slip of
// this package's own.
func mustRequire(cmd *cobra.Command, name string) {
	if err := cmd.MarkFlagRequired(name); err != nil {
		panic(err)
	}
}
