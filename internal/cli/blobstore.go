package cli

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/hashicorp/nomad/api"
	"github.com/spf13/cobra"

	"wadi/nomad/agent/flock"
	"wadi/stage/blob/server"
)

func newBlobstore(streams Streams) *cobra.Command {
	var listen, data, jwks, token string
	cmd := &cobra.Command{
		Use:   "blobstore",
		Short: "Run the blob store's server (the platform's job does)",
		Long: `Run the blob store's server: it keeps packages, droplets and staging results
in a folder. "wadi platform apply" runs it as a Nomad job. It ends at SIGTERM,
after the requests under way.

Nomad's certificates are those of NOMAD_CACERT, NOMAD_CLIENT_CERT, ….`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := filepath.Abs(data)
			if err != nil {
				return fmt.Errorf("find the folder %s: %w", data, err)
			}
			client, err := nomadHTTP()
			if err != nil {
				return err
			}
			auth, err := server.NewAuth(server.AuthOptions{TokenFile: token, JWKSURL: jwks, HTTP: client})
			if err != nil {
				return err
			}
			bucket, err := server.OpenDir(dir)
			if err != nil {
				return err
			}
			defer bucket.Close()
			lock, err := flock.Try(filepath.Join(dir, "lock"), flock.Exclusive)
			if err != nil {
				return withHint(fmt.Errorf("use the folder %s: %w", dir, err), "where another blob store runs on it, give this one a folder of its own with --data")
			}
			defer lock.Unlock()
			logger := slog.New(slog.NewTextHandler(streams.Err, nil))
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return withHint(fmt.Errorf("listen for clients of the blob store: %w", err), "give a free address with --listen")
			}
			logger.Info("the blob store listens", "address", l.Addr().String(), "data", dir)
			return server.Serve(cmd.Context(), l, server.New(server.Options{Bucket: bucket, Auth: auth, Logger: logger}))
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8470", "the `address` to listen on")
	cmd.Flags().StringVar(&data, "data", "", "the `folder` that keeps the blobs")
	cmd.Flags().StringVar(&jwks, "jwks-url", "", "the `URL` where Nomad publishes the keys of its identities")
	cmd.Flags().StringVar(&token, "token-file", "", "the `file` with the people's token")
	for _, name := range []string{"data", "jwks-url", "token-file"} {
		mustRequire(cmd, name)
	}
	return cmd
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
