// Package static is the file server behind the built-in staticfile buildpack,
// with the settings that Cloud Foundry's staticfile buildpack documents.
package static

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v2"
)

// config is a Staticfile.
type config struct {
	Root         string // folder that is served, relative to the app: "." = all of it
	Directory    bool   // list folders without an index.html
	Pushstate    bool   // unknown paths get index.html
	DotFiles     bool
	ForceHTTPS   bool
	HSTS         bool
	HSTSSubs     bool
	HSTSPreload  bool
	NotFoundPage string // below Root; "" = 404.html if there is one
}

// load reads the Staticfile of the app folder; without one all is default.
// What it asks for and this server does not have is an error, never ignored.
func load(app *os.Root) (config, error) {
	c := config{Root: "."}
	if _, err := app.Stat("Staticfile.auth"); err == nil {
		return c, errors.New("password protection (Staticfile.auth) is not supported: remove the file, or name Cloud Foundry's staticfile buildpack by its URL")
	}
	content, err := app.ReadFile("Staticfile")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("reading the Staticfile: %w", err)
	}
	if err := c.parse(content); err != nil {
		return c, fmt.Errorf("in the Staticfile: %w", err)
	}
	info, err := app.Stat(c.Root)
	if err != nil {
		return c, fmt.Errorf("in the Staticfile: root: %w: the folder has to be part of the app", err)
	}
	if !info.IsDir() {
		return c, fmt.Errorf("in the Staticfile: root: %q is no folder", c.Root)
	}
	return c, nil
}

func (c *config) parse(content []byte) error {
	var settings map[string]any
	if err := yaml.Unmarshal(content, &settings); err != nil {
		return fmt.Errorf("it has to be lines of the form `key: value`: %w", err)
	}
	keys := make([]string, 0, len(settings))
	for key := range settings {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if err := c.set(key, settings[key]); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) set(key string, value any) error {
	switch key {
	case "root":
		root := path.Clean(strings.TrimPrefix(fmt.Sprint(value), "/"))
		if value == nil || root == ".." || strings.HasPrefix(root, "../") {
			return fmt.Errorf("root: %v is not a folder of the app", value)
		}
		c.Root = root
	case "directory":
		c.Directory = fmt.Sprint(value) == "visible"
	case "pushstate":
		c.Pushstate = enabled(value)
	case "host_dot_files":
		c.DotFiles = enabled(value)
	case "force_https":
		c.ForceHTTPS = enabled(value)
	case "http_strict_transport_security":
		c.HSTS = enabled(value)
	case "http_strict_transport_security_include_subdomains":
		c.HSTSSubs = enabled(value)
	case "http_strict_transport_security_preload":
		c.HSTSPreload = enabled(value)
	case "status_codes":
		return c.setStatusCodes(value)
	default:
		return fmt.Errorf("%s is not supported: remove it, or name Cloud Foundry's staticfile buildpack by its URL", key)
	}
	return nil
}

func (c *config) setStatusCodes(value any) error {
	pages, ok := value.(map[any]any)
	if !ok {
		return errors.New("status_codes: it has to be a map of a status to a page, `404: /404.html`")
	}
	for status, page := range pages {
		if fmt.Sprint(status) != "404" {
			return fmt.Errorf("status_codes: %v is not supported, only 404 is", status)
		}
		c.NotFoundPage = strings.TrimPrefix(path.Clean("/"+fmt.Sprint(page)), "/")
	}
	return nil
}

func enabled(value any) bool {
	text := fmt.Sprint(value)
	return text == "true" || text == "enabled"
}
