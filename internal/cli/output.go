package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/util/jsonpath"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// output is one form of a document and the file that it goes to; "" is standard output.
type output struct {
	format report.Format
	file   string
	path   *jsonpath.JSONPath // of jsonPathForm
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
	o.formats = withJSONPath(formats)
	f := cmd.Flags()
	f.VarP(&formatFlag{o}, "output", "o", "form of the output: "+formatList(o.formats)+
		"; FORM=FILE writes it to a file, and may be repeated; jsonpath=TEMPLATE is kubectl's")
	f.StringVarP(&o.file, "file", "f", "", "write to `FILE` instead of standard output")
	f.BoolVar(&o.noHeaders, "no-headers", false, "no column headers in tables")
	cmd.PreRunE = func(*cobra.Command, []string) error { // before anything is read
		_, err := o.outputs()
		return err
	}
	if err := cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formatWords(o.formats), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		cmd.PrintErrln(err) // only for a flag that is not there, and it was just added
	}
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

// Set takes "json", "json=report.json" or "jsonpath={.kind}".
func (f *formatFlag) Set(word string) error {
	name, file, toFile := strings.Cut(word, "=")
	if !slices.Contains(f.o.formats, report.Format(name)) {
		return refused(name, f.o.formats)
	}
	if report.Format(name) == jsonPathForm {
		path, err := parseJSONPath(file)
		f.o.given = append(f.o.given, output{format: jsonPathForm, path: path})
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
		if out.path != nil {
			write = picking(out.path, render)
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
