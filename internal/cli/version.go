package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"wadi/nomad/agent"
)

// versionInfo is what `version --json` prints.
type versionInfo struct {
	Wadi     string `json:"wadi"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Nomad is the version that `wadi dev` builds where it finds none.
	Nomad string `json:"nomad"`
}

func newVersion(streams Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of wadi, Go and the pinned Nomad",
		Long:  "Print the versions of wadi, Go and the Nomad that `wadi dev` builds where it finds none.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadSettings(cmd, nil)
			if err != nil {
				return err
			}
			info := currentVersion()
			if s.JSON {
				return writeJSON(streams.Out, info)
			}
			_, err = fmt.Fprintf(streams.Out, "wadi %s\n%s %s\nnomad %s (pinned)\n", info.Wadi, info.Go, info.Platform, info.Nomad)
			return err
		},
	}
	addFlags(cmd, keyJSON)
	return cmd
}

func currentVersion() versionInfo {
	info := versionInfo{
		Wadi: "(devel)", Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Nomad: agent.Pinned,
	}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	if build.Main.Version != "" {
		info.Wadi = build.Main.Version
	}
	return info
}

// writeJSON prints one document, indented, with a line end.
func writeJSON(w io.Writer, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("make JSON of the result: %w", err)
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
