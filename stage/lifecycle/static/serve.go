package static

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// check reads the Staticfile of the app in dir and says what will be served,
// so that a mistake fails staging, not the start.
func check(dir string) (string, error) {
	h, err := open(dir)
	if err != nil {
		return "", err
	}
	defer h.root.Close()
	return fmt.Sprintf("-----> Static files: serving folder %q", h.Root), nil
}

func open(dir string) (*handler, error) {
	app, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the app's folder: %w", err)
	}
	defer app.Close()
	settings, err := load(app)
	if err != nil {
		return nil, err
	}
	root, err := app.OpenRoot(settings.Root)
	if err != nil {
		return nil, fmt.Errorf("opening the folder to serve: %w", err)
	}
	return &handler{config: settings, root: root}, nil
}

// serve serves the app in dir on PORT until SIGTERM, on
// CF_INSTANCE_INTERNAL_IP where the platform names it: on loopback a local
// app stays local.
func serve(dir string) error {
	h, err := open(dir)
	if err != nil {
		return err
	}
	port := os.Getenv("PORT")
	if port == "" {
		return errors.New("PORT is not set: the platform sets it for a process with routes")
	}
	host := os.Getenv("CF_INSTANCE_INTERNAL_IP")
	if host == "" {
		host = "0.0.0.0"
	}
	// Whoever can connect takes it for started, and may stop it.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return server.Shutdown(context.Background()) // the supervisor ends it in time
	}
}

func sorted(entries []fs.DirEntry) []fs.DirEntry {
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}
