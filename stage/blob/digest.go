package blob

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// digestLen is the length of a sha256 in hex.
const digestLen = 2 * sha256.Size

// ValidDigest reports whether s is a sha256 in lower-case hex: the only form
// in which chunks and blobs are named.
func ValidDigest(s string) bool {
	return len(s) == digestLen && lowerHex(s)
}

func checkDigest(s string) error {
	if !ValidDigest(s) {
		return fmt.Errorf("%q is not a digest: a sha256 in lower-case hex", s)
	}
	return nil
}

// digestOf is the name of data.
func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
