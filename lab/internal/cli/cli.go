// Package cli is the command line of the lab.
package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/client"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/daemon"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/instance"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// Env is what every command gets.
type Env struct {
	Dir    layout.Dir
	Source string // the folder lab of the repository
	Out    io.Writer
	Err    io.Writer
}

// Client speaks to the lab.
func (e Env) Client() *client.Client { return client.New(e.Dir) }

// Command is one verb of the command line.
type Command struct {
	Name, Args, Help string
	Run              func(ctx context.Context, e Env, args []string) error
}

// Commands are all of them, in the order of the help.
func Commands() []Command {
	return slices.Concat(basics(), faults(), scenarios(), fuzzing(), healing(), suite())
}

// Main runs one command line.
func Main(ctx context.Context, args []string, out, errs io.Writer) error {
	if len(args) == 3 && args[0] == instance.DaemonCommand {
		return daemon.Run(layout.Dir(args[1]), args[2])
	}
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() { usage(errs) }
	dir := flags.String("dir", os.Getenv("LAB_DIR"), "work folder")
	if err := flags.Parse(args); err != nil {
		return nil //nolint:nilerr // flag has said it
	}
	args = flags.Args()
	if len(args) == 0 {
		usage(out)
		return nil
	}
	for _, c := range Commands() {
		if c.Name == args[0] {
			e, err := environment(*dir, out, errs)
			if err != nil {
				return err
			}
			return c.Run(ctx, e, args[1:])
		}
	}
	return fmt.Errorf("no command %q; `lab` lists them", args[0])
}

func environment(dir string, out, errs io.Writer) (Env, error) {
	source, err := layout.Source(".")
	if err != nil {
		return Env{}, err
	}
	if dir == "" {
		dir = filepath.Join(source, ".work")
	}
	dir, err = filepath.Abs(dir)
	return Env{Dir: layout.Dir(dir), Source: source, Out: out, Err: errs}, err
}

func usage(w io.Writer) {
	var b strings.Builder
	b.WriteString("lab runs a real Istio mesh on this machine, in namespaces of its own.\n\nusage: lab [--dir FOLDER] COMMAND   (FOLDER: LAB_DIR, or lab/.work)\n\n")
	for _, c := range Commands() {
		fmt.Fprintf(&b, "  %-44s %s\n", strings.TrimSpace(c.Name+" "+c.Args), c.Help)
	}
	b.WriteString("\nPOD is NAMESPACE/POD, or NAMESPACE/WORKLOAD where that has one pod.\n")
	_, _ = io.WriteString(w, b.String())
}
