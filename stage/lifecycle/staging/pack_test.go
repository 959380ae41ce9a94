package staging

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"wadi/stage/archive"
)

func TestCheckSize(t *testing.T) {
	t.Parallel()
	file := func(path string, size int64) archive.Item { return archive.Item{Path: path, Size: size} }
	other := archive.Item{Path: "again", Size: 5, Same: "a"}
	folder := archive.Item{Path: "d", Mode: fs.ModeDir | 0o755, Size: 4096}
	tests := map[string]struct {
		items []archive.Item
		limit int64
		want  string
	}{
		"nothing":      {nil, 1, "<nil>"},
		"as much":      {[]archive.Item{folder, file("a", 5), other, file("b", 5)}, 10, "<nil>"},
		"more":         {[]archive.Item{file("a", 5), file("b", 6)}, 10, "it has 11B, more than the disk of the staging, 10B (b alone has 6B): leave out what the app does not need, or raise its disk"},
		"no limit":     {[]archive.Item{file("a", 5)}, 0, "<nil>"},
		"many":         {make([]archive.Item, archive.MaxEntries), 1, "<nil>"},
		"one too many": {make([]archive.Item, archive.MaxEntries+1), 1, "it has 1000001 files and folders, more than 1000000: leave out what the app does not need"},
		"deep":         {[]archive.Item{file("app/"+strings.Repeat("d/", archive.MaxDepth-1)+"f", 1)}, 1, "<nil>"},
		"too deep":     {[]archive.Item{file("app/"+strings.Repeat("d/", archive.MaxDepth)+"f", 1)}, 1, "it has files more than 256 folders deep (in app/d/d/d/…), which no instance unpacks: leave out what the app does not need"},
	}
	for name, test := range tests {
		if got := fmt.Sprint(checkSize(test.items, test.limit)); got != test.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
