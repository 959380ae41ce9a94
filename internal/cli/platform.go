package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"wadi/nomad"
)

func newPlatform(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "platform",
		Short: "Manage the blob store and the router that apps need",
		Long: `Manage the blob store and the router that apps need. Both are Nomad jobs made
of this program; what they are told is in Nomad Variables. They live in the
space that WADI_PLATFORM_SPACE or --platform-space names (default).`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPlatformApply(streams), newPlatformStatus(streams), newPlatformDestroy(streams))
	return cmd
}

// platformClient is the client for the platform's space, and the settings.
func platformClient(cmd *cobra.Command) (settings, *nomad.Client, error) {
	s, err := loadSettings(cmd, nil)
	if err != nil {
		return s, nil, err
	}
	client, err := nomad.New(nomad.Config{Space: s.PlatformSpace})
	return s, client, err
}

func newPlatformApply(streams Streams) *cobra.Command {
	var o platformOptions
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Put the platform on a Nomad agent on this machine",
		Long: `Put the platform on a Nomad agent on this machine, or bring it up to date, and
wait until it works. With ACLs it takes a management token. Ports and where the
blobs are kept stay as they are unless they are given.

With --store the blobs are kept in an S3 bucket. Credentials are taken from
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and kept in a Nomad Variable of the
blob store's job; where they are not set, the machine of the blob store has to
have some. Nothing moves from one store to another: what the old one has is
uploaded and staged again when apps are applied.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, client, err := platformClient(cmd)
			if err != nil {
				return err
			}
			// Nomad's client answers another address for it
			if address := os.Getenv("NOMAD_ADDR"); strings.HasPrefix(address, "unix:") {
				return withHint(fmt.Errorf("the platform cannot use Nomad through the socket %s", address),
					"its jobs ask Nomad over HTTP: set NOMAD_ADDR to the agent's http address")
			}
			if err := o.complete(); err != nil {
				return err
			}
			done, err := platformApply(cmd.Context(), client, o, func(text string) { fmt.Fprintln(streams.Err, text) })
			if err != nil {
				return err
			}
			verdict := "No changes. The platform runs."
			if done.Changed {
				verdict = "The platform runs."
			}
			_, err = fmt.Fprintf(streams.Out, "%s\n\nblob store:  %s  (keeps its data in %s)\nrouter:      %s\n",
				verdict, done.Platform.BlobURL, done.Data, done.Platform.RouterURL)
			return err
		},
	}
	addFlags(cmd, keyPlatformSpace)
	cmd.Flags().IntVar(&o.BlobPort, "blobstore-port", 0, "the blob store's `port` on 127.0.0.1 (default 8470 or the next free one)")
	cmd.Flags().IntVar(&o.RouterPort, "router-port", 0, "the router's `port` on 127.0.0.1 (default 8080 or the next free one)")
	cmd.Flags().StringVar(&o.Data, "data", "", "the `folder` that keeps the blobs (default ~/.local/share/wadi/blobstore)")
	cmd.Flags().StringVar(&o.Store, "store", "", storeUsage)
	cmd.MarkFlagsMutuallyExclusive("data", "store")
	return cmd
}

// complete fills in what the flags don't say, from this process.
func (o *platformOptions) complete() (err error) {
	if o.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if o.DefaultDir, err = dataDir(); err != nil {
		return err
	}
	o.BinDir = filepath.Join(o.DefaultDir, "bin")
	if o.Data != "" {
		if o.Data, err = filepath.Abs(o.Data); err != nil {
			return err
		}
	}
	if o.Store != "" {
		o.S3, err = s3CredentialsFrom(os.Getenv)
	}
	return err
}

func newPlatformStatus(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say where the platform is and whether it works",
		Long:  "Say where the blob store and the router are, and whether they work.",
		Annotations: map[string]string{
			exitCodes: "       (also: a part of the platform does not work)",
		},
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, client, err := platformClient(cmd)
			if err != nil {
				return err
			}
			platform, err := client.ReadPlatform(cmd.Context())
			if err != nil {
				return err
			}
			parts := probePlatform(cmd.Context(), platform)
			if s.JSON {
				err = writeJSON(streams.Out, map[string]any{"space": client.Space, "parts": parts})
			} else {
				err = writeParts(streams, s, parts)
			}
			if err != nil {
				return err
			}
			for _, p := range parts {
				if !p.Healthy {
					return withHint(fmt.Errorf("the %s does not work%s", p.Name, platformLog(client, p.Job)),
						"bring it up again: `wadi platform apply`; or see `nomad job status -namespace %s %s`", client.Space, p.Job)
				}
			}
			return nil
		},
	}
	addFlags(cmd, keyPlatformSpace, keyJSON)
	return cmd
}

func writeParts(streams Streams, s settings, parts []part) error {
	color := s.color(streams.Out)
	for _, p := range parts {
		state := paint(color, green, "healthy")
		if !p.Healthy {
			state = paint(color, red, "not healthy") + ": " + clean(p.Reason)
		}
		if _, err := fmt.Fprintf(streams.Out, "%-12s %s  %s\n", p.Name+":", p.URL, state); err != nil {
			return err
		}
	}
	return nil
}

func newPlatformDestroy(streams Streams) *cobra.Command {
	var purge bool
	cmd := &cobra.Command{
		Use:   "destroy",
		Short: "Take the platform away",
		Long: `Take the platform away: its jobs, what it keeps in Nomad Variables, and its
ACL policy. The folder with the blobs stays unless --purge-data is given. Apps
that still run go on, but nothing routes to them, and they cannot be started
again without their droplets.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, client, err := platformClient(cmd)
			if err != nil {
				return err
			}
			return platformDestroy(cmd.Context(), streams, s, client, purge)
		},
	}
	addFlags(cmd, keyPlatformSpace, keyAutoApprove)
	cmd.Flags().BoolVar(&purge, "purge-data", false, "remove the blobs too")
	return cmd
}

func platformDestroy(ctx context.Context, streams Streams, s settings, client *nomad.Client, purge bool) error {
	now, err := observePlatform(ctx, client)
	if err != nil {
		return err
	}
	data, store := argOf(now.Jobs[nomad.BlobStoreJobID], "--data"), argOf(now.Jobs[nomad.BlobStoreJobID], "--store")
	if store != "" && purge {
		return withHint(fmt.Errorf("the blobs in %s are not removed by --purge-data, which is for folders", store), "destroy without it, then empty the bucket with a tool for S3")
	}
	if len(now.Jobs) == 0 && now.Platform == (nomad.Platform{}) {
		_, err := fmt.Fprintf(streams.Out, "No changes. There is no platform in space %s.\n", client.Space)
		return err
	}
	apps, err := client.In("*").OwnedJobs(ctx)
	if err != nil {
		return err
	}
	question := "Take the platform away?"
	if len(apps) > 0 {
		question = fmt.Sprintf("%s of wadi's still depend on it. Take the platform away?", count(len(apps), "job", "jobs"))
	}
	if err := confirm(ctx, streams, s, question); err != nil {
		return err
	}
	if err := removePlatform(ctx, client); err != nil {
		return err
	}
	fmt.Fprintln(streams.Out, "The platform is gone.")
	where := cmp.Or(store, data)
	switch {
	case where == "":
		return nil
	case purge:
		return removeData(streams, data)
	}
	_, err = fmt.Fprintf(streams.Out, "Its data stays in %s.\n", where)
	return err
}

// removePlatform removes all that Nomad has of the platform.
func removePlatform(ctx context.Context, client *nomad.Client) error {
	for _, id := range []string{nomad.RouterJobID, nomad.BlobStoreJobID} {
		if err := client.RemoveJob(ctx, id); err != nil {
			return err
		}
		if err := client.DeleteVariable(ctx, nomad.VariablePath(id)); err != nil {
			return err
		}
	}
	if err := client.DeleteVariable(ctx, nomad.StoreVariablePath); err != nil {
		return err
	}
	if err := client.DeleteVariable(ctx, nomad.OperatorPath); err != nil {
		return err
	}
	return client.RemoveRouterPolicy(ctx)
}

// removeData removes only what the blob store makes: somebody may have given
// it a folder with other things.
func removeData(streams Streams, data string) error {
	for _, name := range []string{"chunks", "blobs", "results", "lifecycle", "health", "lock"} {
		if err := os.RemoveAll(filepath.Join(data, name)); err != nil {
			return fmt.Errorf("remove the blobs: %w", err)
		}
	}
	if err := os.Remove(data); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the blobs: %w", err)
	}
	_, err := fmt.Fprintf(streams.Out, "Its data in %s was removed.\n", data)
	return err
}
