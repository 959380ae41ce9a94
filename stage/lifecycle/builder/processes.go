package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v2"

	"wadi/stage/lifecycle"
)

// launchProcess is an entry of a buildpack's launch.yml.
type launchProcess struct {
	Type    string `yaml:"type"`
	Command string `yaml:"command"`
	Limits  struct {
		Memory int `yaml:"memory"` // MB
	} `yaml:"limits"`
	Platforms struct {
		CloudFoundry struct {
			SidecarFor []string `yaml:"sidecar_for"`
		} `yaml:"cloudfoundry"`
	} `yaml:"platforms"`
}

// processes merges what the buildpacks and the Procfile want launched: the
// supplying ones, the final one (its launch.yml, else bin/release), the
// Procfile, which is read only now because buildpacks may write it.
//
// Cloud Foundry looks for launch.yml under an index without its leading zero,
// and in detect mode under that of the last buildpack of the whole list, so
// that it overlooks files that are there. Here the index is the one that the
// buildpack was given.
func (b *build) processes(ctx context.Context, chosen choice) ([]launchProcess, error) {
	deps, err := os.OpenRoot(b.depsDir)
	if err != nil {
		return nil, fail(1, "Failed to read the buildpacks' launch.yml", err)
	}
	defer deps.Close()
	var all []launchProcess
	for i := range len(chosen.supplies) {
		declared, _, err := readLaunchYML(deps, b.depsIndex(i))
		if err != nil {
			return nil, fail(1, "Failed to read the buildpacks' launch.yml", err)
		}
		all = merge(all, declared)
	}
	declared, found, err := readLaunchYML(deps, b.depsIndex(len(chosen.supplies)))
	if err != nil {
		return nil, fail(1, "Failed to read the buildpacks' launch.yml", err)
	}
	if !found {
		if declared, err = b.release(ctx, chosen); err != nil {
			return nil, fail(lifecycle.ExitReleaseFail, msgReleaseFail, err)
		}
	}
	all = merge(all, declared)
	fromProcfile, err := readProcfile(b.BuildDir)
	if err != nil {
		return nil, fail(1, "Failed to read command from Procfile", err)
	}
	return merge(all, fromProcfile), nil
}

// maxSmall bounds the files that buildpacks and apps tell the builder with, in
// bytes.
const maxSmall = 1 << 20

// readSmall reads a file below root. Whoever wrote it may be anybody: a pipe
// would block, and a big one would not fit into the memory of the task.
func readSmall(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(content) > maxSmall {
		err = fmt.Errorf("%s has more than %d bytes", name, maxSmall)
	}
	return content, err
}

// merge lets later entries replace earlier ones of their type in place.
func merge(all, later []launchProcess) []launchProcess {
	for _, p := range later {
		same := func(q launchProcess) bool { return q.Type == p.Type }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i] = p
		} else {
			all = append(all, p)
		}
	}
	return all
}

// readLaunchYML reads a file that a buildpack wrote; it cannot name one
// outside of deps.
func readLaunchYML(deps *os.Root, index string) ([]launchProcess, bool, error) {
	content, err := readSmall(deps, filepath.Join(index, "launch.yml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var file struct {
		Processes []launchProcess `yaml:"processes"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, false, fmt.Errorf("deps/%s/launch.yml: %w", index, err)
	}
	return file.Processes, true, nil
}

func (b *build) release(ctx context.Context, chosen choice) ([]launchProcess, error) {
	script := filepath.Join(chosen.final, "bin", "release")
	if chosen.heroku {
		if !exists(script) { // it is optional there
			return nil, nil
		}
		b = b.in(chosen.final)
	}
	output, err := b.capture(ctx, script, b.BuildDir)
	if err != nil {
		return nil, err
	}
	return parseRelease(output)
}

func parseRelease(output []byte) ([]launchProcess, error) {
	var release struct {
		DefaultProcessTypes map[string]string `yaml:"default_process_types"`
	}
	if err := yaml.Unmarshal(output, &release); err != nil {
		return nil, fmt.Errorf("buildpack's release output invalid: %w", err)
	}
	return byType(release.DefaultProcessTypes), nil
}

func readProcfile(buildDir string) ([]launchProcess, error) {
	root, err := os.OpenRoot(buildDir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	content, err := readSmall(root, "Procfile")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseProcfile(content)
}

// ParseProcfile reads a Procfile as Cloud Foundry does: as a YAML map, later
// keys win. The processes are sorted by type.
func ParseProcfile(content []byte) ([]launchProcess, error) {
	var commands map[string]string
	if err := yaml.Unmarshal(content, &commands); err != nil {
		return nil, procfileError(content, err)
	}
	return byType(commands), nil
}

// procfileError says which line of a Procfile is none, and how to write it:
// many do not know that it is YAML, which names no line where it is the first.
func procfileError(content []byte, err error) error {
	n := 1
	for entry := range procfileEntries(string(content)) {
		first, last := n, n+strings.Count(strings.TrimSpace(entry), "\n")
		n += strings.Count(entry, "\n")
		var commands map[string]string
		err := yaml.Unmarshal([]byte(entry), &commands)
		if err == nil || strings.Contains(err.Error(), "unknown anchor") { // of an entry before it
			continue
		}
		if last > first {
			return fmt.Errorf("invalid YAML in lines %d to %d: %.200q: write TYPE: COMMAND in one line, or TYPE: | and the command's lines below it, all indented alike",
				first, last, strings.TrimRight(entry, "\r\n "))
		}
		line := strings.TrimRight(entry, "\r\n")
		return fmt.Errorf("invalid YAML in line %d: %.200q: %s", first, line, procfileFix(line))
	}
	return fmt.Errorf("invalid YAML: write a line TYPE: COMMAND for each process: %w", err)
}

// procfileEntries are the lines of a Procfile, each with the indented and the
// empty ones that follow it and belong to it.
func procfileEntries(content string) iter.Seq[string] {
	return func(yield func(string) bool) {
		begin, end := 0, 0
		for line := range strings.Lines(content) {
			if !strings.ContainsAny(line[:1], " \r\n") && end > begin {
				if !yield(content[begin:end]) {
					return
				}
				begin = end
			}
			end += len(line)
		}
		yield(content[begin:])
	}
}

// procfileFix says how to write a line that is no YAML.
func procfileFix(line string) string {
	kind, command, colon := strings.Cut(line, ":")
	kind, command = strings.TrimSpace(kind), strings.TrimSpace(command)
	switch {
	case strings.HasPrefix(line, "\t"):
		return "begin it without a tab"
	case !colon || command == "":
		return "write TYPE: COMMAND"
	case !strings.Contains(line, ": "):
		return fmt.Sprintf("write %s: %s, with a blank after the colon", kind, command)
	}
	return fmt.Sprintf("quote the command, which has a colon and a blank in it or starts with a sign, as in %s: '%s'", kind, strings.ReplaceAll(command, "'", "''"))
}

func byType(commands map[string]string) []launchProcess {
	processes := make([]launchProcess, 0, len(commands))
	for name, command := range commands {
		processes = append(processes, launchProcess{Type: name, Command: command})
	}
	slices.SortFunc(processes, func(p, q launchProcess) int { return strings.Compare(p.Type, q.Type) })
	return processes
}

// describe puts processes into meta; those for other processes are sidecars.
func describe(meta *lifecycle.DropletMetadata, processes []launchProcess) {
	meta.ProcessTypes = map[string]string{}
	for _, p := range processes {
		if targets := p.Platforms.CloudFoundry.SidecarFor; len(targets) > 0 {
			meta.Sidecars = append(meta.Sidecars, lifecycle.Sidecar{
				Name: p.Type, ProcessTypes: targets, Command: p.Command, MemoryMB: p.Limits.Memory,
			})
			continue
		}
		meta.Processes = append(meta.Processes, lifecycle.ProcessType{Type: p.Type, Command: p.Command})
		meta.ProcessTypes[p.Type] = p.Command
	}
}
