package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"wadi/internal/sourcetest"
)

// sources is the server of buildpacks of one script.
type sources struct {
	server       *sourcetest.Server
	repositories map[string]*sourcetest.Repository
}

type sourcesKey struct{}

// cmdSources: sources
// starts a server of git repositories and files, and a proxy that leads every
// host to it. wadi and git reach it as https://example.com by https_proxy,
// which is PROXY too; files lie in SOURCES. It serves nothing while there is a
// file SOURCES/down.
func cmdSources(ts *testscript.TestScript, neg bool, args []string) {
	t := ts.Value(testKey{}).(testing.TB)
	s := ts.Value(sourcesKey{}).(*sources)
	s.server, s.repositories = sourcetest.Start(t), map[string]*sourcetest.Repository{}
	proxy, _ := s.server.Proxy(t)
	for name, value := range map[string]string{
		"SOURCES": s.server.Dir, "PROXY": proxy, "https_proxy": proxy, "SSL_CERT_FILE": s.server.CA, "GIT_SSL_CAINFO": s.server.CA,
	} {
		ts.Setenv(name, value)
	}
}

// cmdCommit: commit REPOSITORY DIR
// pushes what is in the folder to the branch main of https://example.com/REPOSITORY.git;
// COMMIT is the commit.
func cmdCommit(ts *testscript.TestScript, neg bool, args []string) {
	t := ts.Value(testKey{}).(testing.TB)
	s := ts.Value(sourcesKey{}).(*sources)
	if s.repositories[args[0]] == nil {
		s.repositories[args[0]] = s.server.Repository(t, args[0])
	}
	files := map[string]string{}
	dir := ts.MkAbs(args[1])
	ts.Check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[name] = string(content)
		return err
	}))
	ts.Setenv("COMMIT", s.repositories[args[0]].Commit(t, files))
}
