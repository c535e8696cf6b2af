package report

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"flag"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/racing"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/checks"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var update = flag.Bool("update", false, "write what the forms look like into testdata/forms")

// TestFormsLookLike shows the forms of one report; table, wide, JSON and YAML have tests of their own.
func TestFormsLookLike(t *testing.T) {
	for _, format := range Formats()[4:] {
		t.Run(string(format), func(t *testing.T) {
			path := filepath.Join("testdata", "forms", string(format)+".golden")
			got := render(t, sample(), Style{Format: format, Gate: Gate{FailOn: "error"}})
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("go test ./pkg/report -update writes it (-want +got):\n%s", diff)
			}
		})
	}
}

// eachReport calls a test with a made-up report and that of every recorded mesh. The test must
// not change it.
func eachReport(t *testing.T, test func(*testing.T, *Report)) {
	t.Helper()
	t.Run("sample", func(t *testing.T) { test(t, sample()) })
	eachCapture(t, func(t *testing.T, d *diagnose.Result) { test(t, Build(d, Scope{})) })
}

// diagnosed are the recorded meshes, of which each is read once.
var diagnosed sync.Map

// eachCapture calls a test with the diagnosis of every recorded mesh.
func eachCapture(t *testing.T, test func(*testing.T, *diagnose.Result)) {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/captures/*.tar.gz")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	for _, path := range racing.Some(paths) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".tar.gz"), func(t *testing.T) {
			read, _ := diagnosed.LoadOrStore(path, sync.OnceValue(func() *diagnose.Result { return diagnosis(t, path) }))
			test(t, read.(func() *diagnose.Result)())
		})
	}
}

func diagnosis(t testing.TB, path string) *diagnose.Result {
	t.Helper()
	ev, err := bundle.Open(context.Background(), path, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	return diagnose.Run(mesh.New(ev), checks.All(), diagnose.Scope{})
}

// TestFormsHoldTheSame: every form of a report holds the same findings, by code and subject.
func TestFormsHoldTheSame(t *testing.T) {
	eachReport(t, func(t *testing.T, r *Report) {
		want := map[string]bool{}
		for _, f := range r.Findings {
			want[f.Code+" "+f.Subject.String()] = true
		}
		for _, format := range Formats() {
			read := found[format]
			if read == nil {
				t.Fatalf("nothing tells what -o %s holds", format)
			}
			got := map[string]bool{}
			for _, f := range read(t, r, render(t, r, Style{Format: format})) {
				got[f] = true
			}
			want := want
			if format == Name {
				want = subjects(r)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-o %s (-report +form):\n%s", format, diff)
			}
		}
	})
}

// subjects are the subjects of a report that kubectl can get, which is all that -o name holds.
func subjects(r *Report) map[string]bool {
	out := map[string]bool{}
	for _, f := range r.Findings {
		if f.Subject.Kind == "CertificateAuthority" {
			continue
		}
		line := diagnose.ShellWord(resourceName(f.Subject))
		if f.Subject.Namespace != "" {
			line += " -n " + f.Subject.Namespace
		}
		out[line] = true
	}
	return out
}

// found reads the findings of a form back, each as "CODE Kind namespace/name".
var found = map[Format]func(*testing.T, *Report, string) []string{
	Table: foundByTitle,
	Wide:  foundByTitle,
	JSON:  func(t *testing.T, _ *Report, text string) []string { return foundInDocument(t, text, json.Unmarshal) },
	YAML: func(t *testing.T, _ *Report, text string) []string {
		return foundInDocument(t, text, func(b []byte, v any) error { return yaml.Unmarshal(b, v) })
	},
	Markdown:    foundInRows,
	JUnit:       foundInCases,
	SARIF:       foundInResults,
	OpenReports: foundInOpenReports,
	CSV:         foundInSheet,
	HTML:        foundInPage,
	Name: func(_ *testing.T, _ *Report, text string) []string {
		return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	},
}

func foundInPage(_ *testing.T, _ *Report, text string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`data-finding="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	return out
}

// foundByTitle finds the lines that begin a finding. Their titles are wrapped.
func foundByTitle(_ *testing.T, r *Report, text string) []string {
	var out []string
	flat := strings.Join(strings.Fields(text), " ")
	for _, f := range r.Findings {
		word, _ := severityWord(f.Severity)
		if strings.Contains(flat, strings.Join(strings.Fields(word+" "+f.Code+" "+Clean(f.Title)), " ")) {
			out = append(out, f.Code+" "+f.Subject.String())
		}
	}
	for _, line := range regexp.MustCompile(`(?m)^(?:FAIL|WARN|info) (MTD\d+)  `).FindAllStringSubmatch(text, -1) {
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == line[1] }) {
			out = append(out, "nobody reported "+line[1])
		}
	}
	return out
}

func foundInDocument(t *testing.T, text string, decode func([]byte, any) error) []string {
	var r Report
	if err := decode([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range r.Findings {
		out = append(out, f.Code+" "+f.Subject.String())
	}
	return out
}

func foundInRows(_ *testing.T, _ *Report, text string) []string {
	var out []string
	for _, row := range regexp.MustCompile(`(?m)^\| (?:FAIL|WARN|info) \| (MTD\d+) \| ([^|]+) \| `).FindAllStringSubmatch(text, -1) {
		out = append(out, row[1]+" "+row[2])
	}
	return out
}

func foundInCases(t *testing.T, _ *Report, text string) []string {
	var suites junitSuites
	if err := xml.Unmarshal([]byte(text), &suites); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range suites.Suites {
		for _, c := range s.Cases {
			if found := s.Name == "mesh" || strings.HasPrefix(s.Name, "namespace "); found && c.Name != "unexplained" {
				words := strings.SplitN(c.Name, " ", 4) // the fourth is a field
				out = append(out, strings.Join(words[:min(3, len(words))], " "))
			}
		}
	}
	return out
}

func foundInResults(t *testing.T, _ *Report, text string) []string {
	var log sarifLog
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range log.Runs[0].Results {
		if rule := log.Runs[0].Tool.Driver.Rules[x.RuleIndex]; rule.ID != x.RuleID {
			t.Errorf("rule %d is %s and not %s", x.RuleIndex, rule.ID, x.RuleID)
		}
		out = append(out, x.RuleID+" "+x.Locations[0].Logical[0].Full)
	}
	return out
}

func foundInOpenReports(t *testing.T, _ *Report, text string) []string {
	var all openList
	if err := yaml.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range all.Items {
		for _, result := range x.Results {
			if ref := result.Resources[0]; result.Policy != openName {
				name := ref.Name
				if ref.Namespace != "" {
					name = ref.Namespace + "/" + name
				}
				out = append(out, result.Policy+" "+ref.Kind+" "+name)
			}
		}
	}
	return out
}

func foundInSheet(t *testing.T, _ *Report, text string) []string {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, row := range rows[1:] {
		name := row[2]
		if row[0] != "" {
			name = row[0] + "/" + name
		}
		for code := range strings.FieldsSeq(row[4]) {
			out = append(out, code+" "+row[1]+" "+name)
		}
	}
	return out
}

// TestUnknownForm: what is not in the table is an error that names what is.
func TestUnknownForm(t *testing.T) {
	err := sample().Render(&strings.Builder{}, Style{Format: "xml"})
	if err == nil || !strings.Contains(err.Error(), "junit") {
		t.Errorf("got %v", err)
	}
}
