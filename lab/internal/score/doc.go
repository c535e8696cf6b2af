// Package score compares what the product says about a running mesh with what really happened
// there: verdicts with calls, findings with the fault that was made, the report of the live mesh
// with the one of its bundle.
package score
