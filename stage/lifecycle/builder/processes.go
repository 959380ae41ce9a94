package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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
	var all []launchProcess
	for i := range len(chosen.supplies) {
		declared, _, err := b.readLaunchYML(ctx, b.depsIndex(i))
		if err != nil {
			return nil, fail(1, "Failed to read the buildpacks' launch.yml", err)
		}
		all = merge(all, declared)
	}
	declared, found, err := b.readLaunchYML(ctx, b.depsIndex(len(chosen.supplies)))
	if err != nil {
		return nil, fail(1, "Failed to read the buildpacks' launch.yml", err)
	}
	if !found {
		if declared, err = b.release(ctx, chosen); err != nil {
			return nil, fail(lifecycle.ExitReleaseFail, msgReleaseFail, err)
		}
	}
	all = merge(all, declared)
	fromProcfile, err := b.readProcfile(ctx)
	if err != nil {
		return nil, fail(1, "Failed to read command from Procfile", err)
	}
	return merge(all, fromProcfile), nil
}

// merge lets later entries replace earlier ones of their type in place. Those
// of one file stand beside each other: a sidecar may have the name of a process.
func merge(all, later []launchProcess) []launchProcess {
	merged := slices.Clone(all)
	for _, p := range later {
		replaced := false
		for i := range all {
			if all[i].Type == p.Type {
				merged[i], replaced = p, true
			}
		}
		if !replaced {
			merged = append(merged, p)
		}
	}
	return merged
}

// launchFile is a buildpack's launch.yml.
type launchFile struct {
	Processes []launchProcess `yaml:"processes"`
}

func (b *build) readLaunchYML(ctx context.Context, index string) ([]launchProcess, bool, error) {
	content, err := b.readFile(ctx, b.depsDir, filepath.Join(index, "launch.yml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var file launchFile
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, false, fmt.Errorf("deps/%s/launch.yml: %w", index, plainYAML(err))
	}
	return file.Processes, true, nil
}

func (b *build) release(ctx context.Context, chosen choice) ([]launchProcess, error) {
	script := filepath.Join(chosen.final, "bin", "release")
	if chosen.heroku {
		if there, err := exists(script); err != nil || !there { // it is optional there
			return nil, err
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
		return nil, fmt.Errorf("buildpack's release output invalid: %w", plainYAML(err))
	}
	return byType(release.DefaultProcessTypes), nil
}

func (b *build) readProcfile(ctx context.Context) ([]launchProcess, error) {
	content, err := b.readFile(ctx, b.BuildDir, "Procfile")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseProcfile(content)
}

// parseProcfile reads a Procfile as Cloud Foundry does: as a YAML map, later
// keys win. The processes are sorted by type.
func parseProcfile(content []byte) ([]launchProcess, error) {
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
	case !utf8.ValidString(line):
		return "save the file as UTF-8"
	case strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }):
		return "remove the control character in it"
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
