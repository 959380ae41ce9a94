package archive

import "fmt"

// ChangedError says that a file changed, or vanished, while it was read into
// a stream. Path is relative to the folder, with slashes; of a file that is
// itself the source, an app's zip, it is absolute.
type ChangedError struct {
	Path string
	Err  error // what the file system said, nil where only the content differs
}

func (e *ChangedError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%q changed while it was read (%v): run the command again once nothing writes to it", e.Path, e.Err)
	}
	return fmt.Sprintf("%q changed while it was read: run the command again once nothing writes to it", e.Path)
}

func (e *ChangedError) Unwrap() error { return e.Err }

// EntryError says which entry of a stream is refused, and why: it would land
// outside of the folder, go through a link, exist twice, or is of a kind that
// is never unpacked.
type EntryError struct {
	Entry  string // the name as it stands in the stream
	Reason string
	Err    error // what the file system said, nil where the entry itself is at fault
}

func (e *EntryError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("cannot unpack entry %q: %s: %v", e.Entry, e.Reason, e.Err)
	}
	return fmt.Sprintf("refused to unpack entry %q: %s", e.Entry, e.Reason)
}

func (e *EntryError) Unwrap() error { return e.Err }

// LimitError says that a stream holds more than it may.
type LimitError struct {
	Entry string // the entry that went over the limit
	What  string // "bytes" or "entries"
	Limit int64
}

func (e *LimitError) Error() string {
	fix := "leave out what the app does not need"
	if e.What == "bytes" {
		fix += ", or raise its disk"
	}
	return fmt.Sprintf("cannot unpack entry %q: the stream holds more than %d %s: %s", e.Entry, e.Limit, e.What, fix)
}
