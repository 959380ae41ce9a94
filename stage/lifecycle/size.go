package lifecycle

import (
	"strconv"
	"strings"
)

// FormatSize writes a number of bytes as cf does: "512B", "12.3K", "4M".
func FormatSize(bytes int64) string {
	const units = "BKMGT"
	value, unit := float64(bytes), 0
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	return strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0") + units[unit:unit+1]
}
