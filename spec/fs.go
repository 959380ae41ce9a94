package spec

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FS is the part of a file system that Load reads. Names are absolute paths
// of the operating system. Errors are those of package io/fs
// (fs.ErrNotExist, fs.ErrPermission), wrapped.
type FS interface {
	// Open opens a file for reading; the caller closes it.
	Open(name string) (io.ReadCloser, error)
	// Stat follows symbolic links.
	Stat(name string) (fs.FileInfo, error)
	// ReadDir lists a folder, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	// EvalSymlinks answers the path after all symbolic links.
	EvalSymlinks(name string) (string, error)
}

// OSFS is the file system of this machine.
func OSFS() FS { return osFS{} }

type osFS struct{}

// Open refuses what is no plain file: opening a pipe waits for a writer.
func (osFS) Open(name string) (io.ReadCloser, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a plain file")}
	}
	return os.Open(name)
}

func (osFS) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
func (osFS) EvalSymlinks(name string) (string, error)   { return filepath.EvalSymlinks(name) }
