package cli

import (
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/racing"
)

var update = flag.Bool("update", false, "write what the scripts see into their golden files")

// TestScripts runs command lines in this process and compares what they print, and their exit
// codes, with what the scripts expect. The scripts find the recorded meshes in $CAPTURES.
func TestScripts(t *testing.T) {
	captures, err := filepath.Abs("../../testdata/captures")
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	testscript.Run(t, testscript.Params{
		Files:         racing.Some(scripts),
		UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "cut": cut, "replace": replace,
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("CAPTURES", captures)
			return nil
		},
	})
}

// exits runs a command line and checks its exit code: exits CODE PROGRAM ARG… [<STDIN].
// The program is called as the script says; mtls-doctor stands for the installed plugin.
// The variable TERMINAL puts a person in front of both streams.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG… [<STDIN]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	argv0 := args[1]
	if argv0 == "mtls-doctor" {
		argv0 = "kubectl-mtls_doctor"
	}
	args, in := stdin(ts, args[2:])
	env := testEnv(in, ts.Stdout(), ts.Stderr(), ts.Getenv)
	env.Program, env.Binary = programName(argv0), binaryName(argv0)
	env.OutTerminal = ts.Getenv("TERMINAL") != ""
	env.ErrTerminal = env.OutTerminal
	if got := run(context.Background(), env, args); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func stdin(ts *testscript.TestScript, args []string) ([]string, io.Reader) {
	if n := len(args); n > 0 && strings.HasPrefix(args[n-1], "<") {
		return args[:n-1], strings.NewReader(ts.ReadFile(args[n-1][1:]))
	}
	return args, strings.NewReader("")
}

// testEnv is a machine on which it is always the same time.
func testEnv(in io.Reader, out, errOut io.Writer, getenv func(string) string) *Env {
	env := osEnv("kubectl-mtls_doctor", in, out, errOut)
	env.Getenv = getenv
	env.Now = func() time.Time { return time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC) }
	return env
}

// cut keeps the first part of a file: cut FILE PERCENT NEW.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: cut FILE PERCENT NEW")
	}
	percent, err := strconv.Atoi(args[1])
	ts.Check(err)
	content := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(content[:len(content)*percent/100]), 0o600))
}

// replace replaces text everywhere in a file: replace FILE OLD NEW. Both are Go string literals
// without quotes, so that a script can hold what no editor shows.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	path := ts.MkAbs(args[0])
	unquoted, err := strconv.Unquote(`"` + args[2] + `"`)
	ts.Check(err)
	content := ts.ReadFile(args[0])
	if !strings.Contains(content, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(content, args[1], unquoted)), 0o600))
}
