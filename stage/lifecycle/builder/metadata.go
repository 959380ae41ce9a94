package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"wadi/stage/lifecycle"
	"wadi/stage/lifecycle/launch"
)

// metadata is the part of the result that is known before the processes are.
func (b *build) metadata(ctx context.Context, chosen choice) lifecycle.DropletMetadata {
	var infos []lifecycle.BuildpackInfo
	for i, key := range chosen.keys {
		info := b.readConfig(ctx, b.depsIndex(i))
		info.Key = key
		infos = append(infos, info)
	}
	last := infos[len(infos)-1]
	return lifecycle.DropletMetadata{
		LifecycleMetadata: lifecycle.BuildpackMetadata{
			BuildpackKey: last.Key, DetectedBuildpack: last.Name, Buildpacks: infos,
		},
		LifecycleType: "buildpack",
	}
}

// maxName bounds the name of a buildpack, in bytes: the app's record holds it.
const maxName = 256

// shortName is text as a name: what is too long for one, as of a bin/detect
// that tells what it does, is cut to its beginning.
func shortName(text string) string {
	if len(text) <= maxName {
		return text
	}
	line, _, _ := strings.Cut(text, "\n")
	return strings.ToValidUTF8(line[:min(len(line), maxName)], "")
}

// nameLast gives the final buildpack the name that bin/detect printed, where
// its config.yml has none.
func nameLast(meta *lifecycle.DropletMetadata, detected string) {
	m := &meta.LifecycleMetadata
	if last := &m.Buildpacks[len(m.Buildpacks)-1]; last.Name == "" {
		last.Name = shortName(detected)
		m.DetectedBuildpack = last.Name
	}
}

// buildpackConfig is a buildpack's config.yml.
type buildpackConfig struct {
	Name    string                     `yaml:"name"`
	Version string                     `yaml:"version"`
	Config  *lifecycle.BuildpackConfig `yaml:"config"`
	Output  map[string]any             `yaml:"output_metadata"`
}

// readConfig reads how a buildpack named itself. A broken file is a warning and
// no failure: Cloud Foundry, too, takes what it can read. It reads this file as
// YAML 1.2 has it (yes is a word), and all others as 1.1 (yes is true).
func (b *build) readConfig(ctx context.Context, index string) lifecycle.BuildpackInfo {
	var config buildpackConfig
	content, err := b.readFile(ctx, b.depsDir, filepath.Join(index, "config.yml"))
	if errors.Is(err, fs.ErrNotExist) {
		return lifecycle.BuildpackInfo{}
	}
	if err == nil {
		err = yaml.Unmarshal(content, &config)
	}
	if err != nil {
		fmt.Fprintf(b.Stderr, "WARNING: not all of the buildpack's deps/%s/config.yml can be read: %v\n", index, plainYAML(err))
	}
	var wrongType *yaml.TypeError // the other keys are set
	if err != nil && !errors.As(err, &wrongType) {
		return lifecycle.BuildpackInfo{}
	}
	info := lifecycle.BuildpackInfo{Name: shortName(config.Name), Version: shortName(config.Version), Config: config.Config}
	if len(config.Output) > 0 {
		info.OutputMetadata, _ = jsonValue(config.Output).(map[string]any)
	}
	return info
}

// jsonValue makes of a YAML value one that JSON can hold: its maps may have
// keys of any kind, and its numbers need not be finite.
func jsonValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, element := range v {
			v[key] = jsonValue(element)
		}
	case map[any]any:
		object := make(map[string]any, len(v))
		for key, element := range v {
			object[fmt.Sprint(key)] = jsonValue(element)
		}
		return object
	case []any:
		for i, element := range v {
			v[i] = jsonValue(element)
		}
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	}
	return value
}

// writeStagingInfo writes what the launcher reads.
func (b *build) writeStagingInfo(meta lifecycle.DropletMetadata) error {
	infos := meta.LifecycleMetadata.Buildpacks
	staging := launch.StagingInfo{
		DetectedBuildpack: meta.LifecycleMetadata.DetectedBuildpack,
		StartCommand:      meta.ProcessTypes["web"],
		Config:            infos[len(infos)-1].Config,
	}
	return WriteJSON(filepath.Join(b.ContentsDir, lifecycle.StagingInfoName), staging)
}

// WriteJSON writes value as one line, as Cloud Foundry's builder writes
// result.json and staging_info.yml.
func WriteJSON(path string, value any) error {
	content, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}
