package staging

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/inspect"
)

// inspect finds out what an image is, in Cloud Foundry's words.
func (t *task) inspect(ctx context.Context) (lifecycle.Result, error) {
	fmt.Fprintln(t.out.Stdout, "Staging process started ...")
	source := t.Image
	options := inspect.Options{Arch: runtime.GOARCH, Insecure: source.Insecure, Retry: inspect.Staging}
	options.Retry.Telling = func(attempt int, wait time.Duration, err error) {
		fmt.Fprintf(t.out.Stdout, "Failed getting docker image metadata: %v. Going to retry attempt: %d, in %.1fs\n", err, attempt, wait.Seconds())
	}
	var err error
	if options.Login, err = t.login(); err != nil {
		return lifecycle.Result{}, err
	}
	meta, err := inspect.Image(ctx, source.Reference, options)
	if err != nil {
		var known *inspect.Error
		if errors.As(err, &known) {
			err = fmt.Errorf("%w: %s", known, known.Hint())
		}
		return lifecycle.Result{}, err
	}
	fmt.Fprintf(t.out.Stdout, "Image %s\n", meta.Image)
	for _, line := range describe(meta) {
		fmt.Fprintln(t.out.Stdout, "  "+line)
	}
	fmt.Fprintln(t.out.Stdout, "Staging process finished")
	result := lifecycle.ImageResult(meta)
	result.Generation, result.StagedAt = t.Generation, time.Now().Unix()
	return result, nil
}

// login is with whose rights the registry is asked; nil = anybody's.
func (t *task) login() (*inspect.Login, error) {
	source := t.Image
	if source.LoginFile != "" {
		content, err := t.secrets.Read(source.LoginFile)
		if err != nil {
			return nil, fmt.Errorf("reading the login of the registry: %w", err)
		}
		items := map[string]string{}
		if err := json.Unmarshal(content, &items); err != nil {
			return nil, errors.New("reading the login of the registry: the Nomad Variable is no map of texts")
		}
		if items["username"] == "" || items["password"] == "" {
			return nil, errors.New("the Nomad Variable of the registry's login has no item username, or no item password: nomad var put PATH username=… password=…")
		}
		return &inspect.Login{Username: unquoted(items["username"]), Password: unquoted(items["password"])}, nil
	}
	if source.Username == "" {
		return nil, nil
	}
	return &inspect.Login{Username: source.Username, Password: source.Password}, nil
}

// unquoted reads an item as Nomad does for the docker driver: as the value of
// a line of an environment file, which may be quoted.
func unquoted(s string) string {
	var out string
	if json.Unmarshal([]byte(s), &out) == nil {
		return out
	}
	return s
}

// describe words what an image brings, its commands as a Dockerfile has them.
// Its env is left out: people put secrets there.
func describe(meta lifecycle.ImageMetadata) []string {
	var ports []string
	for _, p := range meta.Ports {
		ports = append(ports, fmt.Sprintf("%d/%s", p.Port, p.Protocol))
	}
	var lines []string
	for _, item := range []struct{ name, text string }{
		{"entrypoint", execForm(meta.Entrypoint)}, {"cmd", execForm(meta.Cmd)}, {"working directory", meta.Workdir},
		{"user", meta.User}, {"ports", strings.Join(ports, ", ")},
	} {
		if item.text != "" {
			lines = append(lines, item.name+": "+item.text)
		}
	}
	return lines
}

// execForm writes a command as Dockerfiles do where no shell reads it:
// ["/bin/echo", "one argument"]; "" = none.
func execForm(command []string) string {
	var words []string
	for _, argument := range command {
		var word strings.Builder
		encoder := json.NewEncoder(&word)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(argument); err != nil {
			return fmt.Sprintf("%q", command) // texts can always be encoded
		}
		words = append(words, strings.TrimSpace(word.String()))
	}
	if words == nil {
		return ""
	}
	return "[" + strings.Join(words, ", ") + "]"
}
