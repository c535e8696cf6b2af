package bundle

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
	Unreadable  Problem = "unreadable"   // an input/output error
	Newer       Problem = "newer"        // written by a release that this one does not know
)

// Error says why a path could not be read as evidence. It is one sentence with what to do next.
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
