// Package diagnose is the check engine: it runs the checks of a catalogue over one snapshot and
// joins what they say into findings, one per cause.
//
// A Check is a value; the Pass is the whole world that it may see. A check says of everything
// that it looks at whether it failed, passed, could not be judged (unknown) or does not apply:
// nothing seen is never the same as nothing wrong.
package diagnose
