package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"
)

// OpenDir opens a folder as a bucket, making it (0700) if it is not there.
// Writes go to a temporary file beside their place and are renamed; what a
// killed server left of such files is removed here once it is an hour old, so
// that a server that is still writing (the one being replaced) is not disturbed.
func OpenDir(path string) (*blob.Bucket, error) {
	bucket, err := fileblob.OpenBucket(path, &fileblob.Options{
		CreateDir:   true,
		DirFileMode: 0o700,
		NoTempDir:   true, // the system's may be on another device, to which no rename goes
		Metadata:    fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fmt.Errorf("open the blob store's folder %s: %w", path, err)
	}
	if err := sweep(path, time.Now().Add(-time.Hour)); err != nil {
		return nil, fmt.Errorf("sweep the blob store's folder %s: %w", path, err)
	}
	return bucket, nil
}

// sweep removes temporary files last written before a time. No key of ours
// ends in ".tmp".
func sweep(path string, before time.Time) error {
	return filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(name) != ".tmp" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.ModTime().After(before) {
			return nil
		}
		return os.Remove(name)
	})
}

// store is the bucket with the few operations that the server needs.
type store struct {
	bucket *blob.Bucket
}

func chunkKey(digest string) string      { return "chunks/" + digest[:2] + "/" + digest }
func blobKey(digest string) string       { return "blobs/" + digest[:2] + "/" + digest }
func resultKey(space, key string) string { return "results/" + space + "/" + key }
func lifecycleKey(digest string) string  { return "lifecycle/" + digest }

// partBytes and parts are what a write to S3 of unknown length holds in memory.
const (
	partBytes = 5 << 20 // S3's least
	parts     = 1
)

// put writes all of data, or nothing.
func (s store) put(ctx context.Context, key, contentType string, data []byte) error {
	var client *s3.Client
	if !s.bucket.As(&client) {
		return s.putStream(ctx, key, contentType, bytes.NewReader(data))
	}
	// One request with the memory that there is. A stream would be copied
	// into buffers, of which every chunk under way would have its own.
	if err := s.bucket.Upload(ctx, key, bytes.NewReader(data), &blob.WriterOptions{ContentType: contentType}); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

// putStream writes all of r, or nothing: cancelling before Close is how a
// gocloud write is given up.
func (s store) putStream(ctx context.Context, key, contentType string, r io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.NewWriter(ctx, key, &blob.WriterOptions{ContentType: contentType, BufferSize: partBytes, MaxConcurrency: parts})
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	if _, err := io.Copy(w, r); err != nil {
		cancel()
		_ = w.Close() // says that it was cancelled
		return fmt.Errorf("write %s: %w", key, err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

// open returns what is stored and its size; found is false if nothing is.
func (s store) open(ctx context.Context, key string) (r *blob.Reader, found bool, err error) {
	r, err = s.bucket.NewReader(ctx, key, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read %s: %w", key, err)
	}
	return r, true, nil
}

// errTooBig is what has more bytes than this server ever writes there.
var errTooBig = errors.New("too big")

// get returns all that is stored in into's memory; found is false if nothing
// is. More than limit bytes are errTooBig.
func (s store) get(ctx context.Context, key string, limit int64, into []byte) (data []byte, found bool, err error) {
	r, found, err := s.open(ctx, key)
	if err != nil || !found {
		return nil, false, err
	}
	defer r.Close()
	if r.Size() > limit {
		return nil, false, fmt.Errorf("read %s: %w: %d bytes, more than %d", key, errTooBig, r.Size(), limit)
	}
	buf := bytes.NewBuffer(into[:0])
	buf.Grow(int(r.Size()) + bytes.MinRead)
	if _, err := buf.ReadFrom(r); err != nil {
		return nil, false, fmt.Errorf("read %s: %w", key, err)
	}
	return buf.Bytes(), true, nil
}

// has reports whether something is stored. An empty file is nothing: a power
// cut can leave one, and nothing that we store is empty.
func (s store) has(ctx context.Context, key string) (bool, error) {
	a, err := s.bucket.Attributes(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", key, err)
	}
	return a.Size > 0, nil
}

// changed is when what is stored was written last, or touched by somebody
// else; found is false if nothing is there, or an empty file (has).
func (s store) changed(ctx context.Context, key string) (at time.Time, found bool, err error) {
	a, err := s.bucket.Attributes(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, fmt.Errorf("look for %s: %w", key, err)
	}
	at = a.ModTime
	var info os.FileInfo
	if a.As(&info) {
		// also a file that was renamed, or given its old time back
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			at = time.Unix(stat.Ctim.Unix())
		}
	}
	return at, a.Size > 0, nil
}

// remove deletes what is stored, if it is still there.
func (s store) remove(ctx context.Context, key string) error {
	err := s.bucket.Delete(ctx, key)
	if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("remove %s: %w", key, err)
	}
	return nil
}
