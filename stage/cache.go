package stage

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"

	"wadi/stage/archive"
)

// record is a file's digest and the stat under which it holds.
type record struct {
	info   archive.Info
	digest string // hex
}

// same reports whether the file still has the stat of the record.
func (r record) same(i archive.Info) bool {
	o := r.info
	return o.Size == i.Size && o.ModNS == i.ModNS && o.ChangeNS == i.ChangeNS && o.Inode == i.Inode && o.Mode == i.Mode
}

// statCache remembers the digests of one folder's files. The nil cache knows
// nothing and keeps nothing.
type statCache struct {
	file  string // where it is kept
	rules [sha256.Size]byte
	index map[string]int32 // into old
	old   []record
	now   []record // what holds for the files as they are
	fresh int      // how many of now are not in old
}

const cacheMagic = "wadi stat cache 1\n"

// loadCache reads the cache of root; whatever is wrong with it, it is empty.
func loadCache(folder, root string, ignore bool) *statCache {
	if folder == "" {
		return nil
	}
	kind := "folder\n"
	if ignore {
		kind = "app\n"
	}
	sum := sha256.Sum256([]byte(kind + root))
	c := &statCache{file: filepath.Join(folder, hex.EncodeToString(sum[:]))}
	if b, err := os.ReadFile(c.file); err == nil {
		c.decode(b)
	}
	return c
}

// kept reports whether the path was in the tree when the rules were these.
func (c *statCache) kept(path string, rules [sha256.Size]byte) bool {
	if c == nil || c.rules != rules {
		return false
	}
	_, ok := c.index[path]
	return ok
}

// digest is the digest of the file, "" if it is not known.
func (c *statCache) digest(i archive.Info) string {
	if c == nil {
		return ""
	}
	n, ok := c.index[i.Path]
	if !ok || !c.old[n].same(i) {
		return ""
	}
	c.now = append(c.now, c.old[n])
	return c.old[n].digest
}

func (c *statCache) add(r record) {
	if c != nil {
		c.now = append(c.now, r)
		c.fresh++
	}
}

// save writes the cache if it has changed. It is written aside and renamed, so
// two processes at once do no harm: the last one wins, and both are right. A
// failure is not worth a word: the next scan is slower.
func (c *statCache) save(rules [sha256.Size]byte) {
	if c == nil || c.fresh == 0 && len(c.now) == len(c.old) && c.rules == rules {
		return
	}
	if os.MkdirAll(filepath.Dir(c.file), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(c.file), ".new-*")
	if err != nil {
		return
	}
	_, err = f.Write(encodeCache(rules, c.now))
	err = cmp.Or(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), c.file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
}

// encodeCache lays a cache out: the magic, the digest of the ignore rules, the
// number of records, each record (length and bytes of the path, size,
// modification and change time in ns, inode, permissions, 32 bytes of digest),
// and the sha256 of all that, since a cache may be cut or damaged.
func encodeCache(rules [sha256.Size]byte, records []record) []byte {
	b := make([]byte, 0, 256+160*len(records))
	b = append(b, cacheMagic...)
	b = append(b, rules[:]...)
	b = binary.AppendUvarint(b, uint64(len(records)))
	for _, r := range records {
		b = binary.AppendUvarint(b, uint64(len(r.info.Path)))
		b = append(b, r.info.Path...)
		b = binary.AppendUvarint(b, uint64(r.info.Size))
		b = binary.AppendVarint(b, r.info.ModNS)
		b = binary.AppendVarint(b, r.info.ChangeNS)
		b = binary.AppendUvarint(b, r.info.Inode)
		b = binary.AppendUvarint(b, uint64(r.info.Mode))
		b, _ = hex.AppendDecode(b, []byte(r.digest)) // hex of our own making
	}
	return seal(b)
}

// seal appends the sha256 of b.
func seal(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// decode fills an empty cache. Paths and digests are slices of two strings: a
// string each would cost more than reading the file.
func (c *statCache) decode(b []byte) {
	n := len(b) - sha256.Size
	if n < len(cacheMagic)+sha256.Size || string(b[:len(cacheMagic)]) != cacheMagic {
		return
	}
	if sum := sha256.Sum256(b[:n]); !bytes.Equal(sum[:], b[n:]) {
		return
	}
	r := &cacheReader{b: b[:n], text: string(b[:n]), at: len(cacheMagic)}
	rules := [sha256.Size]byte([]byte(r.take(sha256.Size)))
	count := r.uvarint()
	if r.bad || count > uint64(n/sha256.Size) {
		return
	}
	old := make([]record, 0, count)
	index := make(map[string]int32, count)
	digests := make([]byte, 0, 2*sha256.Size*count)
	for range count {
		var i archive.Info
		i.Path = r.take(r.uvarint())
		i.Size = int64(r.uvarint())
		i.ModNS = r.varint()
		i.ChangeNS = r.varint()
		i.Inode = r.uvarint()
		i.Mode = fs.FileMode(r.uvarint())
		digests = hex.AppendEncode(digests, []byte(r.take(sha256.Size)))
		if r.bad {
			return
		}
		index[i.Path] = int32(len(old))
		old = append(old, record{info: i})
	}
	all := string(digests)
	for i := range old {
		old[i].digest = all[2*sha256.Size*i : 2*sha256.Size*(i+1)]
	}
	c.rules, c.index, c.old = rules, index, old
	c.now = make([]record, 0, len(old))
}

// cacheReader reads the parts of a cache; bad is set, and zero values come,
// from the first part on that is not there.
type cacheReader struct {
	b    []byte
	text string // the same bytes
	at   int
	bad  bool
}

// zeroes stands in for what is missing of a fixed size.
var zeroes = string(make([]byte, sha256.Size))

func (r *cacheReader) take(n uint64) string {
	if r.bad || n > uint64(len(r.b)-r.at) {
		r.bad = true
		return zeroes
	}
	s := r.text[r.at : r.at+int(n)]
	r.at += int(n)
	return s
}

func (r *cacheReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b[r.at:])
	if r.skip(n); r.bad {
		return 0
	}
	return v
}

func (r *cacheReader) varint() int64 {
	v, n := binary.Varint(r.b[r.at:])
	if r.skip(n); r.bad {
		return 0
	}
	return v
}

func (r *cacheReader) skip(n int) {
	if n <= 0 {
		r.bad = true
		return
	}
	r.at += n
}
