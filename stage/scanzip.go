package stage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"wadi/stage/archive"
)

// scanZip scans root, a file.
func (s *scan) scanZip(ctx context.Context) (*Tree, error) {
	now := time.Now()
	z, err := openZip(s.root, nil)
	if err != nil {
		return nil, err
	}
	defer z.file.Close()
	tree, err := s.zipTree(ctx, z, now)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if !z.unchanged() { // whatever else was wrong with it
		return nil, &archive.ChangedError{Path: s.root}
	}
	return tree, err
}

// zipTree makes the tree of the zip, opened at the time now.
func (s *scan) zipTree(ctx context.Context, z *zipFile, now time.Time) (*Tree, error) {
	var err error
	if s.rules, err = z.rules(); err != nil {
		return nil, err
	}
	s.cache = loadCache(s.o.Cache, s.root, s.o.Ignore)
	kept, count, err := z.entries(func(path string) bool {
		return !s.cache.kept(path, s.rules.digest) && s.rules.ignored(path)
	})
	if err != nil {
		return nil, err
	}
	if count == 1 {
		return nil, &NoFilesError{Path: s.source, Hint: "as in Cloud Foundry a zip needs more than one entry: give the folder that the file lies in"}
	}
	entries := make([]Entry, len(kept))
	var todo []int
	for n, e := range kept {
		entries[n] = e.Entry
		if e.Type != File {
			continue
		}
		if entries[n].Digest = s.cache.digest(z.record(e.Path).info); entries[n].Digest == "" {
			todo = append(todo, n)
		}
	}
	cacheable := settled(archive.Hashed{Info: z.info, Stable: true}, now)
	err = s.hash(ctx, entries, todo, func(ctx context.Context, n int, e *Entry, buf []byte) (record, error) {
		digest, err := z.hash(ctx, kept[n], buf)
		if err != nil {
			return record{}, err
		}
		e.Digest = digest
		if !cacheable {
			return record{}, nil
		}
		r := z.record(e.Path)
		r.digest = digest
		return r, nil
	})
	if err != nil {
		return nil, err
	}
	tree := newTree(s.root, entries)
	tree.Zip = &z.info
	return tree, nil
}

// record is the record of an entry, which holds as long as the zip has the
// stat that it has: sizes in it are the zip's.
func (z *zipFile) record(path string) record {
	r := record{info: z.info}
	r.info.Path = path
	return r
}

// rules are the ignore rules of the zip: those of the first entry whose name
// ends in .cfignore, as cf takes it.
func (z *zipFile) rules() (*rules, error) {
	for _, f := range z.reader.File {
		if !strings.HasSuffix(f.Name, ignoreFile) || !f.Mode().IsRegular() {
			continue
		}
		if reason, fix := unreadable(f); reason != "" {
			return nil, z.refuse(f, reason, fix)
		}
		b, err := z.read(f, maxIgnoreFile)
		if errors.Is(err, errTooBig) {
			return nil, z.refuse(f, fmt.Sprintf("it holds the ignore rules and has more than %d bytes", maxIgnoreFile), "it should hold one pattern a line")
		}
		if err != nil {
			return nil, err
		}
		return parseZipRules(string(b)), nil
	}
	return parseZipRules(""), nil
}

// hash gives the hex sha256 of an entry's content. Whatever the content says,
// no more than the entry's size is read.
func (z *zipFile) hash(ctx context.Context, e zipEntry, buf []byte) (string, error) {
	r, err := e.file.Open()
	if err != nil {
		return "", z.damaged(e.file, err)
	}
	defer r.Close()
	sum := sha256.New()
	for {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		n, err := r.Read(buf)
		sum.Write(buf[:n])
		if err == io.EOF {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return "", z.damaged(e.file, err)
		}
	}
}
