package cli

import (
	"fmt"
	"log/slog"
	"net"

	"github.com/hashicorp/nomad/api"
	"github.com/spf13/cobra"

	"wadi/nomad/router"
)

func newRouter(streams Streams) *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "router",
		Short: "Run the HTTP router (the platform's job does)",
		Long: `Run the HTTP router: it sends requests to the ready instances of the app that
owns the route. "wadi platform apply" runs it as a Nomad job. The access log
goes to stdout, everything else to stderr. It ends at SIGTERM, after the
requests under way.

Nomad is found through NOMAD_ADDR, NOMAD_TOKEN and so on; with ACLs the token
needs the capability read-job in every namespace.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := api.NewClient(api.DefaultConfig())
			if err != nil {
				return withHint(fmt.Errorf("make a client of Nomad: %w", err), "set NOMAD_ADDR")
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return withHint(fmt.Errorf("listen for requests: %w", err), "give a free address with --listen")
			}
			logger := slog.New(slog.NewTextHandler(streams.Err, nil))
			logger.Info("the router listens", "address", l.Addr().String())
			return router.Run(cmd.Context(), router.Options{Listen: l, Nomad: client, Logger: logger, AccessLog: streams.Out})
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "the `address` to listen on")
	return cmd
}
