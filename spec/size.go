package spec

import (
	"errors"
	"math/big"
	"regexp"
	"strings"
)

// Errors of ParseSize. Their texts complete Cloud Foundry's sentences
// ("Memory must use a supported unit: …").
var (
	ErrSizeUnit   = errors.New("must use a supported unit: B, K, KB, M, MB, G, GB, T, or TB")
	ErrSizeNumber = errors.New("is not a number")
)

var sizePattern = regexp.MustCompile(`^(-?[0-9]+(?:\.[0-9]+)?)([kmgt]i?b?|b)$`)
var numberStart = regexp.MustCompile(`^-?[0-9]`)

// maxSizeBytes keeps every size, counted in MB or bytes, inside an int64 with
// room to add a few of them.
const maxSizeBytes = int64(1) << 60

// ParseSize reads a size as Cloud Foundry does and answers bytes, cut to whole ones: a
// decimal number and, without a blank between, a unit B, K, KB, KiB, M … T in any
// case, all powers of 1024. It answers ErrSizeUnit or ErrSizeNumber, as they
// are. (cloud_controller_ng lib/cloud_controller/byte_quantity.rb)
func ParseSize(text string) (int64, error) {
	lower := strings.ToLower(strings.TrimSpace(text))
	m := sizePattern.FindStringSubmatch(lower)
	if m == nil {
		if !numberStart.MatchString(lower) {
			return 0, ErrSizeNumber
		}
		return 0, ErrSizeUnit
	}
	number, ok := new(big.Rat).SetString(m[1])
	if !ok {
		return 0, ErrSizeNumber
	}
	shift := map[byte]uint{'b': 0, 'k': 10, 'm': 20, 'g': 30, 't': 40}[m[2][0]]
	number.Mul(number, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), shift)))
	bytes := new(big.Int).Quo(number.Num(), number.Denom())
	if !bytes.IsInt64() || bytes.Int64() > maxSizeBytes || bytes.Int64() < -maxSizeBytes {
		return 0, ErrSizeNumber
	}
	return bytes.Int64(), nil
}
