package report

import (
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

// File is a file to write: its name within a folder, its text, and whether it is a program.
type File struct {
	Name, Text string
	Program    bool
}

// FixFiles are the fixes of a report as files, with a README.md that has the order in which to act.
// Commands are shell scripts, resources are YAML for kubectl apply; what people have to decide stands
// in the README alone. Fixes of consequences are left out: their cause is mended first. So are those of
// findings that only inform: they would change what may be as it is meant.
func (r *Report) FixFiles(style Style) []File {
	f := fixFolder{page: newPage(r, style.plain())}
	for i := range r.Findings {
		switch x := &r.Findings[i]; {
		case x.CausedBy != nil:
			f.after++
		case x.Severity == string(diagnose.Info):
			f.notes++
		case len(x.Fixes) == 0:
		default:
			f.finding(x)
		}
	}
	f.readme()
	return f.files
}

type fixFolder struct {
	*page
	n     int // findings so far
	notes int // findings that only inform
	after int // consequences of others
	files []File
}

func (f *fixFolder) finding(x *Finding) {
	f.n++
	word, _ := severityWord(x.Severity)
	fmt.Fprintf(&f.b, "## %d. %s %s: %s\n\n", f.n, word, md(x.Code), md(x.Title))
	if hit := f.hitText(x); hit != "" {
		fmt.Fprintf(&f.b, "```text\n%s```\n\n", hit)
	}
	if o := x.Origin; o != nil && o.managed() != "" {
		fmt.Fprintf(&f.b, "%s is managed %s.\n\n", md(x.Subject.String()), md(o.managed()))
	}
	if same := f.sameFixes(x); same >= 0 {
		fmt.Fprintf(&f.b, "- the same as for %d\n\n", same+1)
		return
	}
	if len(x.Fixes) > 1 {
		f.b.WriteString("The safest first. Take one, with each \"and\" behind it, ask for the report again, and go on only if another is still needed.\n\n")
	}
	for i, fix := range x.Fixes {
		f.fixFile(fmt.Sprintf("%02d-%s-%d", f.n, x.Code, i+1), fix.joint(i), fix)
	}
	f.b.WriteByte('\n')
}

// hitText is what a finding breaks, as the table says it.
func (f *fixFolder) hitText(x *Finding) string {
	p := newPage(f.Report, f.Style)
	p.hits(x.Affects)
	return p.b.String()
}

func (f *fixFolder) fixFile(name, joint string, x Fix) {
	title := md(strings.TrimLeft(joint+" "+x.Title, " "))
	if x.Look {
		fmt.Fprintf(&f.b, "- %s: %s\n", title, codeSpan(f.aimed(x.Command)))
		return
	}
	var made []string
	if x.Manifest != "" {
		made = append(made, name+".yaml")
		f.files = append(f.files, File{Name: name + ".yaml", Text: "# " + Clean(x.Title) + "\n" + cleanText(x.Manifest) + "\n"})
	}
	if x.Command != "" {
		made = append(made, name+".sh")
		f.files = append(f.files, File{Name: name + ".sh", Text: f.script(x), Program: true})
	}
	fmt.Fprintf(&f.b, "- %s", title)
	for _, file := range made {
		fmt.Fprintf(&f.b, ": `%s`", file)
	}
	if len(made) == 0 {
		f.b.WriteString(": by hand")
	}
	if x.Risk != "" {
		fmt.Fprintf(&f.b, ". Risk: %s", md(x.Risk))
	}
	f.b.WriteByte('\n')
}

// script is a command as a file. It ends at the first step that fails.
func (f *fixFolder) script(x Fix) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n# %s\n", Clean(x.Title))
	if x.Risk != "" {
		fmt.Fprintf(&b, "# Risk: %s\n", Clean(x.Risk))
	}
	fmt.Fprintf(&b, "set -eu\n%s\n", cleanText(f.aimed(x.Command)))
	return b.String()
}

func (f *fixFolder) readme() {
	var b strings.Builder
	fmt.Fprintf(&b, "# Fixes for %s, in the order in which to act\n\n", md(f.Scope.label()))
	fmt.Fprintf(&b, "Rests on: %s. Nothing was applied: read a fix, then run the script or `kubectl apply -f` the YAML, and ask for the report again before the next.\n\n", md(f.basis()))
	if f.n == 0 {
		b.WriteString("There is nothing to fix.\n")
	}
	b.WriteString(f.b.String())
	if f.notes > 0 {
		fmt.Fprintf(&b, "For information only, and so without a file here: %s of the report.\n", plural(f.notes, "finding"))
	}
	if f.after > 0 {
		fmt.Fprintf(&b, "Mended with their cause, and so without a file here: %s.\n", plural(f.after, "consequence"))
	}
	f.files = append(f.files, File{Name: "README.md", Text: strings.TrimRight(b.String(), "\n") + "\n"})
}
