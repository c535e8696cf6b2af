package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/checks"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/probe"
)

// Env is the machine as the commands see it. Tests hand in their own.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	// OutTerminal and ErrTerminal report whether a person is looking at the stream.
	OutTerminal, ErrTerminal bool
	// Columns is how wide the terminal of Out is, 0 when that is not known.
	Columns int
	Getenv  func(string) string
	Now     func() time.Time
	// Collect reads a live cluster.
	Collect func(context.Context, probe.Options, probe.Sink) (bundle.Manifest, error)
	// Checks is the catalogue.
	Checks []*diagnose.Check
	// Program is what the user typed to run us: "kubectl mtls-doctor" for a kubectl plugin.
	Program string
	// Binary is the name of the file, which is what a shell completes.
	Binary string
}

func osEnv(argv0 string, in io.Reader, out, errOut io.Writer) *Env {
	return &Env{
		In: in, Out: out, Err: errOut,
		OutTerminal: isTerminal(out), ErrTerminal: isTerminal(errOut), Columns: columns(out),
		Getenv: os.Getenv, Now: time.Now, Collect: probe.Collect, Checks: checks.All(),
		Program: programName(argv0), Binary: binaryName(argv0),
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// width is what the report is to fit into: COLUMNS, which shells do not export by themselves, or what the terminal
// has, or 0 when nobody looks at it on one.
func (e *Env) width() int {
	if n, err := strconv.Atoi(e.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	return e.Columns
}

// programName is what to type to run the program again. kubectl runs its plugins from files
// whose names begin with "kubectl-", with "_" where the command has "-".
func programName(argv0 string) string {
	base := binaryName(argv0)
	if name, ok := strings.CutPrefix(base, "kubectl-"); ok {
		return "kubectl " + strings.ReplaceAll(name, "_", "-")
	}
	return base
}

func binaryName(argv0 string) string {
	return strings.TrimSuffix(filepath.Base(argv0), ".exe")
}

// color reports whether the report is coloured. Colour never carries meaning alone.
// See https://no-color.org.
func (e *Env) color(mode string) bool {
	switch mode {
	case "always":
		return true
	case "never":
		return false
	}
	return e.OutTerminal && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
}
