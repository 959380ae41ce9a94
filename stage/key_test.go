package stage

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wadi/stage/lifecycle"
)

func keyInput() KeyInput {
	return KeyInput{
		LifecycleVersion: "1",
		OS:               "linux",
		Arch:             "amd64",
		Stack:            "host",
		StackDigest:      "sha256:00",
		Package:          "p",
		Buildpacks:       []BuildpackPin{{Key: "./bp", Name: "bp", Digest: "d"}, {Key: "staticfile_buildpack", Name: "staticfile", Builtin: "staticfile"}},
		SkipDetect:       true,
		MemoryMB:         1024,
		Env:              map[string]string{"A": "1", "B": "2"},
		VCAPApplication:  json.RawMessage(`{"name":"shop"}`),
		VCAPServices:     json.RawMessage(`{"user-provided":[{"name":"db","credentials":{"port":5432.0}}]}`),
		Salt:             []byte("0123456789abcdef"),
	}
}

func TestKeyGolden(t *testing.T) {
	t.Parallel()
	const golden = "2346703ad954d5e1ceecd363ccbcc87f97ed274fca7d29e769471732a01814a1"
	if got := keyInput().Key(); got != golden {
		t.Errorf("Key = %s, want %s: every app would be staged again", got, golden)
	}
}

// Every field counts: a change of any of them is a change of the key.
func TestKeyDependsOnEverything(t *testing.T) {
	t.Parallel()
	changes := map[string]func(k *KeyInput){
		"LifecycleVersion": func(k *KeyInput) { k.LifecycleVersion = "2" },
		"OS":               func(k *KeyInput) { k.OS = "plan9" },
		"Arch":             func(k *KeyInput) { k.Arch = "arm64" },
		"Stack":            func(k *KeyInput) { k.Stack = "cflinuxfs4" },
		"StackDigest":      func(k *KeyInput) { k.StackDigest = "sha256:01" },
		"Package":          func(k *KeyInput) { k.Package = "q" },
		"Buildpacks":       func(k *KeyInput) { k.Buildpacks = k.Buildpacks[:1] },
		"SkipDetect":       func(k *KeyInput) { k.SkipDetect = false },
		"MemoryMB":         func(k *KeyInput) { k.MemoryMB = 2048 },
		"Env":              func(k *KeyInput) { k.Env["A"] = "2" },
		"VCAPApplication":  func(k *KeyInput) { k.VCAPApplication = json.RawMessage(`{"name":"shap"}`) },
		"VCAPServices":     func(k *KeyInput) { k.VCAPServices = nil },
		"Salt":             func(k *KeyInput) { k.Salt = []byte("fedcba9876543210") },
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[KeyInput]()) {
		if changes[f.Name] == nil {
			t.Errorf("field %s is not tested", f.Name)
		}
	}
	for name, change := range map[string]func(k *KeyInput){
		"order of buildpacks": func(k *KeyInput) { k.Buildpacks[0], k.Buildpacks[1] = k.Buildpacks[1], k.Buildpacks[0] },
		"buildpack digest":    func(k *KeyInput) { k.Buildpacks[0].Digest = "e" },
		"buildpack key":       func(k *KeyInput) { k.Buildpacks[1].Key = "staticfile" },
		"env swapped":         func(k *KeyInput) { k.Env = map[string]string{"A": "2", "B": "1"} },
		"env renamed":         func(k *KeyInput) { k.Env = map[string]string{"A": "1", "C": "2"} },
		"env less":            func(k *KeyInput) { delete(k.Env, "B") },
		"fields run together": func(k *KeyInput) { k.OS, k.Arch = "linuxa", "md64" },
		"a number as written": func(k *KeyInput) {
			k.VCAPServices = json.RawMessage(`{"user-provided":[{"name":"db","credentials":{"port":5432}}]}`)
		},
		"JSON that is none": func(k *KeyInput) { k.VCAPApplication = json.RawMessage(`{"name":"shop"} x`) },
	} {
		changes[name] = change
	}
	seen := map[string]string{keyInput().Key(): "nothing"}
	for name, change := range changes {
		k := keyInput()
		change(&k)
		key := k.Key()
		if other, ok := seen[key]; ok {
			t.Errorf("change of %s gives the key of a change of %s", name, other)
		}
		seen[key] = name
	}
}

func TestKeyDoesNotDependOnLayout(t *testing.T) {
	t.Parallel()
	k := keyInput()
	k.VCAPServices = json.RawMessage("{\"user-provided\": [\n {\"credentials\":{\"port\":5432.0}, \"name\":\"db\"}]}\n")
	k.Buildpacks[0].Tree = &Tree{Root: "/elsewhere"}
	if k.Key() != keyInput().Key() {
		t.Error("the key depends on the layout of JSON, or on where a buildpack lies")
	}
	k.VCAPServices = json.RawMessage(`{}`)
	none := keyInput()
	none.VCAPServices = nil
	if k.Key() != none.Key() {
		t.Error("no bindings and an empty object differ")
	}
}

// What a staging task is given is in the key, or KeyInput says why not. A new
// field of the contract fails here until that is decided.
func TestStagingIsCovered(t *testing.T) {
	t.Parallel()
	decided := map[string]string{
		"BlobURL": "where", "Space": "where", "StagingKey": "where", "Generation": "where", "App": "log",
		"Package": "Package", "Buildpacks": "Buildpacks", "SkipDetect": "SkipDetect", "Stack": "Stack", "MemoryMB": "MemoryMB",
		"DiskMB": "limit", "TimeoutS": "limit", "Cache": "makes a build faster",
		"Image": "ImageKey", "Env": "Env", "VCAPApplication": "VCAPApplication",
		"Services": "VCAPServices", "VCAPServices": "VCAPServices", "CredentialFiles": "VCAPServices", "ServiceFiles": "VCAPServices",
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[lifecycle.Staging]()) {
		if decided[f.Name] == "" {
			t.Errorf("lifecycle.Staging.%s: put it into KeyInput, or write there why it is harmless", f.Name)
		}
	}
}

// The login and the list of insecure registries say how a registry is asked,
// not for what: they are not in the key.
func TestImageKey(t *testing.T) {
	t.Parallel()
	key := ImageKey("1", "amd64", "redis@sha256:aa")
	if len(key) != 64 || key != ImageKey("1", "amd64", "redis@sha256:aa") {
		t.Errorf("key %q", key)
	}
	for _, other := range []string{ImageKey("2", "amd64", "redis@sha256:aa"), ImageKey("1", "arm64", "redis@sha256:aa"), ImageKey("1", "amd64", "redis@sha256:ab"), keyInput().Key()} {
		if other == key {
			t.Error("the same key of something else")
		}
	}
}

func TestEnvDigests(t *testing.T) {
	t.Parallel()
	env := map[string]string{"A": "same", "B": "same", "EMPTY": ""}
	got := EnvDigests([]byte("0123456789abcdef"), env)
	want := map[string]string{"A": "483d8b9dab377adb", "B": "969e51c4d07db25b", "EMPTY": "eb9bb05bd461fd8b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if other := EnvDigests([]byte("another salt, 16"), env); other["A"] == got["A"] {
		t.Error("the digest does not depend on the salt")
	}
}
