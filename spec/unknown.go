package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// appKeys are the keys of an app that Cloud Foundry reads, beside those of
// its web process (processKeys).
var appKeys = manifestNames(appTable)

// formerKeys were read by old clients; cf has ignored them since version 7.
var formerKeys = map[string]string{
	"host":                 "Write the whole route: `routes: [{route: host.example.com}]`.",
	"hosts":                "Write whole routes: `routes: [{route: host.example.com}]`.",
	"domain":               "Write the whole route: `routes: [{route: host.example.com}]`.",
	"domains":              "Write whole routes: `routes: [{route: host.example.com}]`.",
	"hostname":             "Write the whole route: `routes: [{route: host.example.com}]`.",
	"url":                  "Write the whole route: `routes: [{route: host.example.com}]`.",
	"urls":                 "Write whole routes: `routes: [{route: host.example.com}]`.",
	"no_hostname":          "Write the whole route: `routes: [{route: example.com}]`.",
	"inherit":              "Use a YAML anchor, or put all apps in one file.",
	"health_check_timeout": "Its name is `timeout`.",
	"mem":                  "Its name is `memory`.",
	"disk":                 "Its name is `disk_quota`.",
}

// appLevelKeys are the keys that cf reads in an app.
func appLevelKeys() []string {
	known := append([]string{}, appKeys...)
	for _, name := range manifestNames(processTable) {
		if name != "user" { // cf reads it in processes only
			known = append(known, name)
		}
	}
	return known
}

// unknownAppKeys warns of keys that cf drops in silence.
func (d *appDecoder) unknownAppKeys() {
	known := appLevelKeys()
	for _, e := range d.root.entries {
		name := strings.ReplaceAll(e.key.text(), "-", "_")
		switch {
		case name == "user":
			d.warn(e.key, "`user` is ignored: it is not a key of an app", "It is a key of a process: write it below `processes`.")
		case !slices.Contains(known, name):
			d.unknownKey(e.key, "an app", known)
		}
	}
	processes := d.root.get("processes")
	if processes == nil {
		return
	}
	known = append([]string{"health_check_timeout"}, manifestNames(processEntryTable)...)
	for _, p := range processes.items {
		for _, e := range p.entries {
			name := strings.ReplaceAll(e.key.text(), "-", "_")
			switch {
			case slices.Contains(appKeys, name):
				d.warn(e.key, fmt.Sprintf("`%s` is ignored: it is not a key of a process", e.key.text()), "It is a key of the app, for all its processes: move it there.")
			case !slices.Contains(known, name):
				d.unknownKey(e.key, "a process", known)
			}
		}
	}
}

// unknownKey warns of one key that nothing reads.
func (d *appDecoder) unknownKey(key *node, of string, known []string) {
	d.warn(key, fmt.Sprintf("`%s` is ignored: it is not a key of %s", key.text(), of), keyFix(key.text(), known))
}

func keyFix(key string, known []string) string {
	if strings.ReplaceAll(key, "-", "_") == "docker_image" { // the flag's name
		return "Write it as `docker: {image: name}`."
	}
	if fix := formerKeys[strings.ReplaceAll(key, "-", "_")]; fix != "" {
		return "Cloud Foundry ignores it since cf version 7. " + fix
	}
	if near := nearest(key, known); near != "" {
		return fmt.Sprintf("Did you mean `%s`?", spelling(near))
	}
	return "Remove it; Cloud Foundry ignores it too."
}

// spelling is a key as Cloud Foundry's documentation writes it.
func spelling(name string) string {
	for _, table := range [][]key{appTable, processTable} {
		for _, k := range table {
			if k.name == name {
				return k.writtenYAML()
			}
		}
	}
	return name
}

// nearest answers the known word that is meant most likely, "" if none is
// near: at most one edit in three characters.
func nearest(word string, known []string) string {
	if len(word) > 64 { // no misspelling, and the distance costs the product of the lengths
		return ""
	}
	word = strings.ReplaceAll(strings.ToLower(word), "-", "_")
	best, bestDistance := "", max(len(word)/3, 1)+1
	for _, k := range known {
		if distance := levenshtein.Distance(word, strings.ToLower(strings.ReplaceAll(k, "-", "_")), nil); distance < bestDistance {
			best, bestDistance = k, distance
		}
	}
	return best
}
