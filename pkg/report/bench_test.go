package report

import (
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// written counts what is written.
type written int64

func (c *written) Write(b []byte) (int, error) { *c += written(len(b)); return len(b), nil }

// BenchmarkForms writes a report of 5,000 workloads, whose 300 findings name 50,000 connections, in
// every form.
func BenchmarkForms(b *testing.B) {
	r := largeReport(5000, 300, 50_000)
	for _, form := range Formats() {
		b.Run(string(form), func(b *testing.B) {
			benchmarkForm(b, func(w io.Writer) error { return r.Render(w, Style{Format: form}) })
		})
	}
}

// BenchmarkEdgeForms writes a list of 50,000 connections, which are those of a recording again and again.
func BenchmarkEdgeForms(b *testing.B) {
	recorded := diagnosis(b, "../../testdata/captures/03-dr-disable-vs-strict.tar.gz")
	edges := recorded.Edges()
	edges = slices.Repeat(edges, 50_000/len(edges)+1)[:50_000]
	for _, form := range EdgeFormats() {
		b.Run(string(form), func(b *testing.B) {
			benchmarkForm(b, func(w io.Writer) error { return RenderEdges(w, recorded.Snapshot, edges, Style{Format: form}) })
		})
	}
}

func benchmarkForm(b *testing.B, write func(io.Writer) error) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		var size written
		if err := write(&size); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size)/1e6, "MB")
	}
}

func largeReport(workloads, findings, calls int) *Report {
	r := sample()
	row, finding := r.Workloads[0], r.Findings[0]
	for i := range workloads {
		row.Ref = deployment(fmt.Sprintf("workload-%d", i))
		r.Workloads = append(r.Workloads, row)
	}
	clients := make([]kube.Ref, calls/findings)
	for i := range findings {
		finding.Subject, finding.Fingerprint = r.Workloads[len(r.Workloads)-1-i].Ref, fmt.Sprint(i)
		for j := range clients {
			clients[j] = r.Workloads[(i*len(clients)+j)%len(r.Workloads)].Ref
		}
		finding.Affects = affected(finding.Subject, clients, 80)
		r.Findings = append(r.Findings, finding)
	}
	r.Summary = summary(r)
	return r
}
