package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// output is one form of a document and the file that it goes to; "" is standard output.
type output struct {
	format report.Format
	file   string
	pick   picker // of a form that picks from JSON
}

// outputOptions say in which forms a document is shown, and where.
type outputOptions struct {
	formats   []report.Format
	given     []output
	file      string
	noHeaders bool
}

// addFlags adds the flags of a document that has these forms, the usual one first.
func (o *outputOptions) addFlags(cmd *cobra.Command, formats []report.Format) {
	o.addFormFlag(cmd, formats)
	cmd.Flags().BoolVar(&o.noHeaders, "no-headers", false, "no column headers in tables")
}

// addFormFlag adds the flags of a document that has no tables.
func (o *outputOptions) addFormFlag(cmd *cobra.Command, formats []report.Format) {
	o.formats = withPicks(formats)
	picks := ""
	if len(o.formats) > len(formats) {
		picks = "; jsonpath=TEMPLATE and go-template=TEMPLATE are kubectl's, as are jsonpath-file=FILE and go-template-file=FILE"
	}
	f := cmd.Flags()
	f.VarP(&formatFlag{o}, "output", "o", "form of the output: "+formatList(formats)+"; FORM=FILE writes it to a file, and may be repeated"+picks)
	f.StringVarP(&o.file, "file", "f", "", "write to `FILE` instead of standard output")
	cmd.PreRunE = func(*cobra.Command, []string) error { // before anything is read
		_, err := o.outputs()
		return err
	}
	if err := cmd.RegisterFlagCompletionFunc("output", o.completeForms); err != nil {
		cmd.PrintErrln(err) // only for a flag that is not there, and it was just added
	}
}

// completeForms offers the forms, and files behind FORM=.
func (o *outputOptions) completeForms(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if strings.Contains(typed, "=") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return formatWords(o.formats), cobra.ShellCompDirectiveNoFileComp
}

func formatWords(formats []report.Format) []string {
	words := make([]string, len(formats))
	for i, f := range formats {
		words[i] = string(f)
	}
	return words
}

func formatList(formats []report.Format) string { return strings.Join(formatWords(formats), ", ") }

// formatFlag is -o: one form of a document, or a form and its file. It may be repeated.
type formatFlag struct{ o *outputOptions }

// String is the default in usage lines.
func (f *formatFlag) String() string {
	if f.o == nil || len(f.o.formats) == 0 {
		return ""
	}
	return string(f.o.formats[0])
}

// Type names the value in usage lines.
func (f *formatFlag) Type() string { return "FORM" }

// Set takes "json", "json=report.json", "jsonpath={.kind}" or "go-template-file=kind.tmpl".
func (f *formatFlag) Set(word string) error {
	name, file, toFile := strings.Cut(word, "=")
	if !slices.Contains(f.o.formats, report.Format(name)) {
		return fmt.Errorf("must be one of %s", formatList(f.o.formats))
	}
	if pick, err := parsePick(name, file); pick != nil || err != nil {
		f.o.given = append(f.o.given, output{format: report.Format(name), pick: pick})
		return err
	}
	if toFile && file == "" {
		return fmt.Errorf("%s= needs the name of a file", name)
	}
	f.o.given = append(f.o.given, output{format: report.Format(name), file: file})
	return nil
}

// outputs are what to write where. What the user named is written and nothing else: with files
// alone, standard output stays empty.
func (o *outputOptions) outputs() ([]output, error) {
	outputs := slices.Clone(o.given)
	if len(outputs) == 0 {
		outputs = []output{{format: o.formats[0]}}
	}
	places := map[string]bool{}
	for i := range outputs {
		if outputs[i].file == "" {
			outputs[i].file = o.file
		}
		if file := outputs[i].file; places[file] {
			return nil, usageError("give each a file: -o json=report.json", "two forms cannot go to %s", place(file))
		}
		places[outputs[i].file] = true
	}
	return outputs, nil
}

func place(file string) string {
	if file == "" {
		return "standard output"
	}
	return file
}

// write renders a document in all the forms that were asked for.
func (o *outputOptions) write(env *Env, style report.Style, render func(io.Writer, report.Style) error) error {
	outputs, err := o.outputs()
	if err != nil {
		return err
	}
	style.NoHeaders, style.Program = o.noHeaders, env.Program
	for _, out := range outputs {
		style.Format = out.format
		write := render
		if out.pick != nil {
			write = picking(out.pick, render)
		}
		if err := out.write(env, style, write); err != nil {
			return err
		}
	}
	return nil
}

func (out output) write(env *Env, style report.Style, render func(io.Writer, report.Style) error) error {
	if out.file == "" {
		style.Width = env.width()
		return render(env.Out, style)
	}
	style.Color = false
	file, err := os.Create(out.file)
	if err != nil {
		return failed("-f and -o FORM=FILE name the file", "the output cannot be written: %v", err)
	}
	err = render(file, style)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("%s: %w", out.file, err)
	}
	return nil
}
