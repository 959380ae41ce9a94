package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wadi/stage/blob"
)

// serverEnv has a folder and a token file when the test binary is to be a
// server over that folder.
const serverEnv = "WADI_TEST_BLOB_SERVER"

// serveUntilKilled says its URL on stdout.
func serveUntilKilled(what string) error {
	dir, tokenFile, _ := strings.Cut(what, string(os.PathListSeparator))
	bucket, err := OpenDir(dir)
	if err != nil {
		return err
	}
	auth, err := NewAuth(AuthOptions{TokenFile: tokenFile, JWKSURL: "http://127.0.0.1:1/"})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return Serve(context.Background(), l, New(Options{Bucket: bucket, Auth: auth, Logger: discard()}))
}

// A server that is killed while chunks are written leaves whole ones and no
// blob, and the next one's clients go on from there.
func TestAServerKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"="+dir+string(os.PathListSeparator)+tokenFileOf(t, peopleToken))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, strings.TrimSpace(url), peopleToken)
	c.Attempts = 1
	data := noiseBytes(t, 50, 32<<20)
	killed := false
	_, p, err := c.Upload(t.Context(), bytes.NewReader(data), func(p blob.Progress) {
		if p.Uploaded > 8<<20 && !killed { // others are on their way
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	})
	if err == nil || !killed {
		t.Fatalf("the upload ended before the server: %+v, error %v", p, err)
	}
	_ = cmd.Wait() // says that it was killed

	chunks := 0
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) == ".tmp" {
			return err
		}
		if !strings.HasPrefix(name, filepath.Join(dir, "chunks")) {
			t.Errorf("there is %s", name)
			return nil
		}
		chunks++
		stored, err := os.ReadFile(name)
		if err == nil {
			_, err = blob.DecodeChunk(nil, stored, filepath.Base(name))
		}
		return err
	})
	if err != nil || chunks == 0 {
		t.Errorf("%d chunks, error %v", chunks, err)
	}
	again := fixtureIn(t, dir, nil).people(t)
	b, p, err := again.Upload(t.Context(), bytes.NewReader(data), nil)
	if err != nil || p.Reused < 8<<20 {
		t.Errorf("the next upload: %+v, error %v: want it to go on where the first ended", p, err)
	}
	if got, err := readAll(t, again, b.Digest); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came back, error %v", len(got), err)
	}
}
