package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/probe"
)

// The exit codes. They are the same for every form of output.
const (
	exitOK         = 0   // nothing at or above --fail-on, and all evidence was read
	exitFailed     = 1   // the tool could not do its work
	exitUsage      = 2   // the command line is wrong, or names what is not there
	exitFindings   = 3   // findings at or above --fail-on
	exitIncomplete = 4   // no such finding, but evidence is missing
	exitTimeout    = 124 // the time was over, as timeout(1) says it
)

// outcome is an exit code of a command that did its work: nothing is printed about it.
type outcome int

// Error makes an outcome travel through cobra.
func (o outcome) Error() string { return fmt.Sprintf("exit code %d", int(o)) }

// failure is an error as the user sees it: what went wrong, what to do next, and the exit code.
type failure struct {
	code int
	what string
	next string
	err  error
}

// Error returns what went wrong, without the next step.
func (f *failure) Error() string { return f.what }

// Unwrap returns the cause, if there is one.
func (f *failure) Unwrap() error { return f.err }

func usageError(next, format string, args ...any) error {
	return &failure{code: exitUsage, next: next, what: fmt.Sprintf(format, args...)}
}

// errAbsent is the cause of a failure whose words are well, and name nothing that is there.
var errAbsent = errors.New("not there")

// absent is a usage error for words that name nothing of the evidence.
func absent(next, format string, args ...any) error {
	return &failure{code: exitUsage, next: next, what: fmt.Sprintf(format, args...), err: errAbsent}
}

// usageChecked makes what cobra finds wrong with the arguments a usage error.
func usageChecked(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError("usage: "+cmd.UseLine(), "%v", err)
		}
		return nil
	}
}

func failed(next, format string, args ...any) error {
	return &failure{code: exitFailed, next: next, what: fmt.Sprintf(format, args...)}
}

// asFailure gives any error its exit code and its hint.
func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if e, ok := errors.AsType[*bundle.Error](err); ok {
		return &failure{code: exitFailed, what: e.Path + ": " + e.Detail, next: e.Next, err: err}
	}
	if e, ok := errors.AsType[*probe.Error](err); ok {
		what, _ := strings.CutSuffix(e.Error(), "; "+e.Next)
		code := exitFailed
		if errors.Is(err, probe.ErrNoNamespace) {
			code = exitUsage
		}
		return &failure{code: code, what: what, next: e.Next, err: err}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, probe.ErrTimeout):
		return &failure{code: exitTimeout, what: "the time was over: " + err.Error(), next: "raise --timeout, or narrow the scope", err: err}
	case errors.Is(err, context.Canceled):
		return &failure{code: exitFailed, what: "interrupted", err: err}
	}
	return &failure{code: exitFailed, what: err.Error(), err: err}
}
