package staging

import (
	"context"
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
	options := inspect.Options{
		Arch: runtime.GOARCH, Insecure: source.Insecure, Attempts: inspect.Attempts,
		Retrying: func(attempt int, err error) {
			fmt.Fprintf(t.out.Stdout, "Failed getting docker image metadata: %v. Going to retry attempt: %d\n", err, attempt)
		},
	}
	if source.Username != "" {
		options.Login = &inspect.Login{Username: source.Username, Password: source.Password}
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

// describe words what an image brings. Its env is left out: people put
// secrets there.
func describe(meta lifecycle.ImageMetadata) []string {
	var ports []string
	for _, p := range meta.Ports {
		ports = append(ports, fmt.Sprintf("%d/%s", p.Port, p.Protocol))
	}
	var lines []string
	for _, item := range []struct{ name, text string }{
		{"command", strings.Join(meta.Command(), " ")}, {"working directory", meta.Workdir},
		{"user", meta.User}, {"ports", strings.Join(ports, ", ")},
	} {
		if item.text != "" {
			lines = append(lines, item.name+": "+item.text)
		}
	}
	return lines
}
