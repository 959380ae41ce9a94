package stage

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"maps"
	"slices"
	"strconv"
)

// KeyInput is everything that a staging result depends on. What is not in it
// is not given to the build. Field by field, what a lifecycle.Staging carries:
//
//   - Package is a blob of a tar stream, which is a function of the tree: the
//     key has the tree's digest, which does not change with the format.
//   - Buildpacks are in the key, in their order: what each was called (scripts
//     find that in their path, and the result in buildpack_key), and either
//     the name of the built-in, whose code LifecycleVersion stands for, or the
//     digest of the folder.
//   - SkipDetect, Stack (CF_STACK) and MemoryMB (MEMORY_LIMIT) are in the key.
//   - Env and VCAPApplication are in the key, and all of Services as
//     VCAPServices: where credentials are in a Nomad Variable, which only tasks
//     read, its version stands for them.
//   - BlobURL, Space, StagingKey and Generation say where the result goes;
//     the builder does not hand them on. Results are kept per space.
//   - Image is set for an app of an image, whose key is ImageKey's.
//   - App is a name for the staging log; what the build sees of the app is in
//     VCAPApplication.
//   - DiskMB and TimeoutS are limits: a build fails over them or is the same.
//   - Cache is what earlier builds of the app kept. It is the one thing that a
//     build sees and the key has not, as in Cloud Foundry: with it in the key
//     nothing would ever be staged already.
//
// A VCAPApplication with routes (uris) or a version in it would mean a new
// staging for each new route or revision: leave them out.
type KeyInput struct {
	LifecycleVersion string // lifecycle.Version
	OS, Arch         string // GOOS and GOARCH of the task
	Stack            string // CF_STACK
	StackDigest      string // of the stack's image; "" for a host stack
	Package          string // Tree.Digest
	Buildpacks       []BuildpackPin
	SkipDetect       bool
	MemoryMB         int // MEMORY_LIMIT
	Env              map[string]string
	VCAPApplication  json.RawMessage // as the build sees it
	VCAPServices     json.RawMessage // all that the build sees of bindings
	// Salt is a secret of the space, 16 random bytes or more: env and
	// bindings enter as HMAC-SHA256 under it, so that nobody can find a
	// password by trying keys. Another salt means another key.
	Salt []byte
}

// Key is the staging key: 64 hex digits.
func (k KeyInput) Key() string {
	h := sha256.New()
	put(h, "wadi staging key 1")
	put(h, k.LifecycleVersion, k.OS, k.Arch, k.Stack, k.StackDigest, k.Package)
	put(h, strconv.FormatBool(k.SkipDetect), strconv.Itoa(k.MemoryMB), strconv.Itoa(len(k.Buildpacks)))
	for _, b := range k.Buildpacks {
		put(h, b.Key, b.Name, b.Builtin, b.Digest)
	}
	put(h, strconv.Itoa(len(k.Env)))
	for _, name := range slices.Sorted(maps.Keys(k.Env)) {
		put(h, name, keyed(k.Salt, "env", name, k.Env[name]))
	}
	put(h, keyed(k.Salt, "vcap_application", canonical(k.VCAPApplication)))
	put(h, keyed(k.Salt, "vcap_services", canonical(k.VCAPServices)))
	return hex.EncodeToString(h.Sum(nil))
}

// EnvDigests returns a short keyed digest (16 hex digits) per variable: enough
// to see which have changed, and nothing to guess a value from without the
// salt. Equal values of different variables have different digests.
func EnvDigests(salt []byte, env map[string]string) map[string]string {
	out := make(map[string]string, len(env))
	for name, value := range env {
		out[name] = keyed(salt, "env", name, value)[:16]
	}
	return out
}

// keyed is the hex HMAC-SHA256 of the parts.
func keyed(salt []byte, parts ...string) string {
	h := hmac.New(sha256.New, salt)
	put(h, parts...)
	return hex.EncodeToString(h.Sum(nil))
}

// put writes each part with its length before it, so that parts cannot run
// into each other.
func put(h hash.Hash, parts ...string) {
	for _, p := range parts {
		h.Write(binary.AppendUvarint(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
}

// canonical is the JSON text without its layout: keys sorted, no blanks,
// numbers as written. What is no JSON stays as it is; nothing is the same as
// an empty object.
func canonical(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "{}"
	}
	if !json.Valid(raw) {
		return string(raw)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return string(raw)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(out)
}
