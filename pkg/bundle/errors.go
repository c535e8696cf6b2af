package bundle

import (
	"errors"
	"io/fs"
	"os"
)

// Problem says in which way a path is no evidence.
type Problem string

// The problems.
const (
	NotFound    Problem = "not found"
	Forbidden   Problem = "permission denied"
	Empty       Problem = "empty"
	NotEvidence Problem = "not evidence" // a text, an image, JSON of something else
	Unsupported Problem = "unsupported"  // a form that is recognised and not read: zip, zstd, encrypted
	Truncated   Problem = "truncated"    // cut before anything useful
	TooLarge    Problem = "too large"    // over a limit that guards against archive bombs
	Unreadable  Problem = "unreadable"   // an input or output error
)

// Error says why a path could not be read as evidence, or written. It is one sentence with what
// to do next.
type Error struct {
	Path    string
	Problem Problem
	Detail  string // what was found
	Next    string // what the user can do
	Err     error  // the cause, may be nil
}

// Error returns the sentence.
func (e *Error) Error() string {
	s := e.Path + ": " + e.Detail
	if e.Next != "" {
		s += "; " + e.Next
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

const giveEvidence = "give a capture, an istioctl bug-report, a must-gather, or Envoy config dumps"

// fileError words an error of the file system.
func fileError(path string, err error) *Error {
	e := &Error{Path: path, Problem: Unreadable, Detail: "can not be read: " + reason(err), Next: "check the disk and try again", Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Problem, e.Detail, e.Next = NotFound, "there is no such file or folder", "check the path"+beside(path)
	case errors.Is(err, fs.ErrPermission):
		e.Problem, e.Detail, e.Next = Forbidden, "permission denied", "make it readable for you, or run as its owner"
	}
	return e
}

// beside names a file whose name goes on where a path ends; "" for none.
func beside(path string) string {
	for _, ending := range []string{".tar.gz", ".tgz", ".json", ".yaml"} {
		if _, err := os.Stat(path + ending); err == nil {
			return "; there is " + path + ending
		}
	}
	return ""
}

// createError words an error of beginning a bundle.
func createError(path string, err error) error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	e := fileError(path, err)
	switch e.Problem {
	case NotFound:
		e.Detail, e.Next = "its folder does not exist", "make the folder, or name another place"
	case Forbidden:
		e.Detail, e.Next = "its folder can not be written to", "name another place"
	default:
		e.Detail = "can not be written: " + reason(err)
	}
	return e
}

// reason is an error without the operation and path around it.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return oneLine(err.Error())
}
