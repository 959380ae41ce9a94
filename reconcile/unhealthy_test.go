package reconcile

import "testing"

func TestWhyNeverHealthy(t *testing.T) {
	t.Parallel()
	const status = "failed to make HTTP request to '/up' on port 8080: received status code 503 in 0ms"
	const refused = "failed to make TCP connection to 172.17.0.5:9090: connection refused"
	for name, test := range map[string]struct {
		log   []string
		ports []int
		want  string
	}{
		"nothing said": {[]string{"OUT Instance never healthy after 5s: x", "ERR Exit status 0"}, nil, ""},
		"answered":     {[]string{"ERR Instance never healthy after 5s: " + status, "ERR Exit status 0"}, nil, status},
		"the last start": {[]string{"ERR Instance never healthy after 5s: earlier", "ERR Instance never healthy after 5s: " + status},
			nil, status},
		"not listening": {[]string{"ERR Instance never healthy after 1m0s: " + refused}, []int{9090},
			refused + " (an app listens on 0.0.0.0:$PORT)"},
		"one of several ports": {[]string{"ERR Instance never healthy after 1m0s: " + refused}, []int{7070, 9090},
			refused + " (the health check `port` wants an answer from every TCP port that the image exposes, on 0.0.0.0: 7070 (PORT), 9090; `process` looks at none)"},
	} {
		if got := whyNeverHealthy(test.log, test.ports); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
