package lifecycle

// Names inside a droplet, beside the folders app, deps, profile.d, tmp and
// logs (buildpackapplifecycle's layout).
const (
	// AppFolder has the app, in its package, too: what a staging leaves as it
	// was is then the same bytes in both, and is stored already.
	AppFolder = "app"
	// StagingInfoName is Cloud Foundry's own file, read by the launcher.
	StagingInfoName = "staging_info.yml"
	// MetadataName is a DropletMetadata: what the supervisor needs to know
	// of a droplet.
	MetadataName = "result.json"
)

// DropletMetadata is Cloud Foundry's result.json, kept inside the droplet.
type DropletMetadata struct {
	LifecycleMetadata BuildpackMetadata `json:"lifecycle_metadata"`
	ProcessTypes      map[string]string `json:"process_types"`
	Processes         []ProcessType     `json:"processes,omitempty"`
	Sidecars          []Sidecar         `json:"sidecars,omitempty"`
	ExecutionMetadata string            `json:"execution_metadata"`
	LifecycleType     string            `json:"lifecycle_type"`
}
