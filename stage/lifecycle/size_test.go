package lifecycle

import "testing"

func TestFormatSize(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{
		0: "0B", 512: "512B", 1024: "1K", 12_600: "12.3K", 4 << 20: "4M", 3 << 29: "1.5G", 1 << 52: "4096T",
	} {
		if got := FormatSize(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
	}
}
