package stage

import (
	"crypto/sha256"
	"encoding/hex"
)

// ImageKey is the staging key of an app of a Docker image: nothing but the
// image and the nodes' architecture is in what staging finds out. reference
// has a digest, or where only staging can tell that, a tag.
func ImageKey(lifecycleVersion, arch, reference string) string {
	h := sha256.New()
	put(h, "wadi image staging key 1", lifecycleVersion, arch, reference)
	return hex.EncodeToString(h.Sum(nil))
}
