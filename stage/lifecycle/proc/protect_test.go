package proc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTaskFolders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		taskDir, secretsDir, allocDir string
		want                          []taskFolder
	}{
		"on a node": {"/data/ID/app/local", "/data/ID/app/secrets", "/data/ID/alloc", []taskFolder{
			{"/data/ID", 7, 0o027}, {"/data/ID/app", 7, 0o027}, {"/data/ID/app/private", 0, 0o077}, {"/data/ID/app/tmp", 0, 0o077},
			{"/data/ID/app/local", 0, 0o022}, {"/data/ID/app/secrets", 0, 0o077},
			{"/data/ID/alloc", 0, 0o022}, {"/data/ID/alloc/logs", 0, 0o022}, {"/data/ID/alloc/data", 0, 0o022}, {"/data/ID/alloc/tmp", 0, 0o022},
		}},
		"elsewhere": {"/tmp/x/local", "/tmp/x/secrets", "/var/alloc", []taskFolder{
			{"/tmp/x", 7, 0o027}, {"/tmp/x/private", 0, 0o077}, {"/tmp/x/tmp", 0, 0o077},
			{"/tmp/x/local", 0, 0o022}, {"/tmp/x/secrets", 0, 0o077},
			{"/var/alloc", 0, 0o022}, {"/var/alloc/logs", 0, 0o022}, {"/var/alloc/data", 0, 0o022}, {"/var/alloc/tmp", 0, 0o022},
		}},
		"in a container": {"/local", "/secrets", "/alloc", []taskFolder{
			{"/local", 0, 0o022}, {"/secrets", 0, 0o077},
			{"/alloc", 0, 0o022}, {"/alloc/logs", 0, 0o022}, {"/alloc/data", 0, 0o022}, {"/alloc/tmp", 0, 0o022},
		}},
	} {
		if diff := cmp.Diff(c.want, taskFolders(c.taskDir, c.secretsDir, c.allocDir, 7), cmp.AllowUnexported(taskFolder{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
