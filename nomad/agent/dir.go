package agent

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxDir is the longest data folder in bytes: the sockets of Nomad's plugins
// live below it and a unix socket's path ends at 107.
const maxDir = 60

func newID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// defaultDir names a data folder for the agent id in the first temporary
// folder that can hold one.
func defaultDir(id string) (string, error) {
	var why []error
	for _, base := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		dir := filepath.Join(base, "wadi-"+id[:8])
		err := errors.Join(checkDir(dir), unix.Access(base, unix.W_OK))
		if err == nil {
			return dir, nil
		}
		why = append(why, fmt.Errorf("%s: %w", base, err))
	}
	return "", fmt.Errorf("no temporary folder can hold the data of an agent (set TMPDIR to one that can): %w", errors.Join(why...))
}

// checkDir says whether a data folder of that name would serve.
func checkDir(dir string) error {
	if !filepath.IsAbs(dir) || len(dir) > maxDir {
		return fmt.Errorf("the data folder %s must be an absolute path of at most %d bytes", dir, maxDir)
	}
	parent := filepath.Dir(dir)
	var st unix.Statfs_t
	if err := unix.Statfs(parent, &st); err != nil {
		return fmt.Errorf("look at %s: %w", parent, err)
	}
	if st.Flags&unix.ST_NOEXEC != 0 {
		return fmt.Errorf("nothing can be run from %s (mounted noexec)", parent)
	}
	if os.Getuid() != 0 {
		return nil
	}
	// A root agent's apps run as users of their own and must get to their files.
	for p := parent; ; p = filepath.Dir(p) {
		fi, err := os.Stat(p)
		if err != nil {
			return fmt.Errorf("look at %s: %w", p, err)
		}
		if fi.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("apps run as users of their own, who may not pass %s (mode %#o)", p, fi.Mode().Perm())
		}
		if p == filepath.Dir(p) {
			return nil
		}
	}
}

// Ports are those of one agent on 127.0.0.1.
type Ports struct {
	HTTP int `json:"http"`
	RPC  int `json:"rpc"`
	Serf int `json:"serf"`
}

// freePorts finds three ports that nobody listens on, Serf's for udp too.
// Another process may take one before the agent does: the agent then says
// so and ends.
func freePorts() (Ports, error) {
	var held []interface{ Close() error }
	defer func() {
		for _, h := range held {
			_ = h.Close()
		}
	}()
	var got [3]int
	for i := 0; i < len(got); {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return Ports{}, fmt.Errorf("find a free port: %w", err)
		}
		held = append(held, l)
		addr := l.Addr().(*net.TCPAddr)
		u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: addr.IP, Port: addr.Port})
		if err != nil {
			continue // taken for udp: the next one
		}
		held = append(held, u)
		got[i] = addr.Port
		i++
	}
	return Ports{HTTP: got[0], RPC: got[1], Serf: got[2]}, nil
}
