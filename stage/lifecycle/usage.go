package lifecycle

// UsageFile, in the task's folder (NOMAD_TASK_DIR), is the Usage of the
// running instance: what Nomad does not measure.
const UsageFile = "usage.json"

// Usage is what an instance takes, measured now and then.
type Usage struct {
	DiskBytes int64 `json:"disk_bytes"` // of its copy of the droplet and all it wrote there
}
