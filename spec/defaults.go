package spec

// Cloud Foundry's defaults (capi-release, cloud_controller_ng job spec; the
// health check's are Diego's). Sizes in MB, times in seconds.
const (
	DefaultMemoryMB           = 1024
	DefaultDiskMB             = 1024
	DefaultWebInstances       = 1
	DefaultInstances          = 0 // every type but web
	DefaultTimeoutS           = 60
	DefaultCheckIntervalS     = 30
	DefaultInvocationTimeoutS = 1
	DefaultLogRateLimitBPS    = -1 // unlimited
)

// WebProcess is the type of the process that routes lead to. Every app has it.
const WebProcess = "web"

// EffectiveProcesses are the processes of an app on its first apply: those of
// the files and web, web first, with every value set but Command, User and
// CPU, which have no default here (the droplet, the driver and the memory
// decide).
func EffectiveProcesses(app App) []Process {
	out := []Process{{Type: WebProcess}}
	for _, p := range app.Processes {
		if p.Type == WebProcess {
			out[0] = p
		} else {
			out = append(out, p)
		}
	}
	for i := range out {
		out[i] = withDefaults(out[i])
	}
	return out
}

func withDefaults(p Process) Process {
	instances, check := DefaultInstances, "process"
	if p.Type == WebProcess {
		instances, check = DefaultWebInstances, "port"
	}
	p.Instances = orDefault(p.Instances, instances)
	p.MemoryMB = orDefault(p.MemoryMB, DefaultMemoryMB)
	p.DiskMB = orDefault(p.DiskMB, DefaultDiskMB)
	p.LogRateLimitBPS = orDefault(p.LogRateLimitBPS, int64(DefaultLogRateLimitBPS))
	p.TimeoutS = orDefault(p.TimeoutS, DefaultTimeoutS)
	p.HealthCheck = checkWithDefaults(p.HealthCheck, check)
	p.ReadinessHealthCheck = checkWithDefaults(p.ReadinessHealthCheck, "process")
	return p
}

func checkWithDefaults(c HealthCheck, kind string) HealthCheck {
	if c.Type == "" {
		c.Type = kind
	}
	c.IntervalS = orDefault(c.IntervalS, DefaultCheckIntervalS)
	c.InvocationTimeoutS = orDefault(c.InvocationTimeoutS, DefaultInvocationTimeoutS)
	return c
}

func orDefault[T any](p *T, value T) *T {
	if p != nil {
		return p
	}
	return &value
}
