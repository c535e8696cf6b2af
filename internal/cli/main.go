package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// Main runs the program and returns its exit code. args[0] is the name that it was run by.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	if len(args) == 0 {          // execve(2) allows it
		args = []string{"kubectl-mtls_doctor"}
	}
	return run(ctx, osEnv(args[0], in, out, errOut), args[1:])
}

// run executes one command line.
func run(ctx context.Context, env *Env, args []string) int {
	root := newRootCmd(env)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if code, ok := errors.AsType[outcome](err); ok {
		return int(code)
	}
	f := asFailure(err)
	fmt.Fprintf(env.Err, "error: %s\n", report.Clean(f.what))
	if f.next != "" {
		fmt.Fprintf(env.Err, "hint: %s\n", report.Clean(f.next))
	}
	return f.code
}
