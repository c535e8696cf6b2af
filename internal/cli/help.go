package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// Help is written here and not by cobra's templates: text/template makes the linker keep every
// method of every type in the binary.

const rootLong = `Reads what the Envoy proxies on both ends of every connection run at this moment, replays the
handshake from it, and says which connections use mutual TLS, which are plaintext, which fail,
what causes it and what mends it. It never writes to the cluster.

A TARGET is pod/NAME, deploy/NAME (sts, ds, job, cronjob…), svc/NAME, ns/NAME, NAME.NAMESPACE or
NAMESPACE/NAME; without one it is the current namespace, or all that --from PATH holds.

Tables fit into the terminal (or COLUMNS), and are as wide as they need to be elsewhere.

Exit codes: 0 nothing at or above --fail-on, 1 the tool failed, 2 usage, or a name that is not there,
3 findings at or above --fail-on, 4 evidence is missing, or there are no pods, and nothing is found in
the rest (--allow-partial makes it 0), 124 the time was over.`

const standaloneKey = "standalone"

// standalone marks a command that reads no evidence: the flags of the others mean nothing to it.
func standalone() map[string]string { return map[string]string{standaloneKey: "true"} }

// examples indents the examples of a command, with what the user typed to run the program.
func examples(program, text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = "  " + strings.TrimSpace(strings.ReplaceAll(line, "PROGRAM", program))
	}
	return strings.Join(lines, "\n")
}

// help prints the whole help of a command to standard output.
func help(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		fmt.Fprintln(w, report.Wrap(helpWidth, "", 0, paragraph))
	}
	writeUsage(w, cmd)
}

func usage(cmd *cobra.Command) error {
	writeUsage(cmd.ErrOrStderr(), cmd)
	return nil
}

func writeUsage(w io.Writer, cmd *cobra.Command) {
	fmt.Fprintf(w, "Usage:\n  %s\n", cmd.UseLine())
	if cmd.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", cmd.Example)
	}
	writeCommands(w, cmd)
	own, global := flagSets(cmd)
	writeFlags(w, "Options", own)
	writeFlags(w, "Options for reading a cluster", global)
}

func writeCommands(w io.Writer, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	fmt.Fprint(w, "\nCommands:\n")
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			first := fmt.Sprintf("  %-11s ", c.Name())
			fmt.Fprint(w, report.Wrap(helpWidth, first, len(first), c.Short))
		}
	}
}

// flagSets splits a command's flags: those to think of, and those of reading a cluster.
func flagSets(cmd *cobra.Command) (own, cluster *pflag.FlagSet) {
	own, cluster = newFlagSet(), newFlagSet()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		persistent := cmd.Root().PersistentFlags().Lookup(f.Name) == f
		switch {
		case f.Hidden || persistent && cmd.Annotations[standaloneKey] != "":
		case persistent && !inFront[f.Name]:
			cluster.AddFlag(f)
		default:
			own.AddFlag(f)
		}
	})
	return own, cluster
}

// inFront are the flags of all commands that belong with a command's own in its help.
var inFront = map[string]bool{
	"all-namespaces": true, "namespace": true, "selector": true, "from": true, "revision": true,
	"color": true, "quiet": true, "timeout": true,
}

func newFlagSet() *pflag.FlagSet { return pflag.NewFlagSet("", pflag.ContinueOnError) }

func writeFlags(w io.Writer, title string, flags *pflag.FlagSet) {
	if flags.HasFlags() {
		fmt.Fprintf(w, "\n%s:\n%s", title, flags.FlagUsagesWrapped(helpWidth))
	}
}

// helpWidth is what a terminal has at the least. Only examples, which people paste, are longer.
const helpWidth = 80
