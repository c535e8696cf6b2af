package report

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

var pagesDir = flag.String("pages", "", "write the pages that webtest opens into this folder")

const brokenMesh = "../../testdata/captures/03-dr-disable-vs-strict.tar.gz"

// TestPageIsInert: no name of a cluster becomes markup, and the page loads nothing.
func TestPageIsInert(t *testing.T) {
	const hostile = `"><script>document.title="owned"</script><img src=x onerror="document.title='owned'"></script>`
	d := diagnosis(t, brokenMesh)
	for _, p := range d.Snapshot.Pods {
		p.Name += hostile
		p.Workload.Ref.Name += hostile
	}
	r := Build(d, Scope{Namespaces: []string{hostile}})
	for i := range r.Findings {
		r.Findings[i].Title += hostile
		r.Findings[i].Fixes = append(r.Findings[i].Fixes, Fix{Title: hostile, Command: hostile, Manifest: hostile})
	}
	page := render(t, r, Style{Format: HTML})
	for _, bad := range []string{"<script>document", "<img", "http://", "https://", " style=\"", " onclick="} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if got := strings.Count(page, "<script"); got != 2 {
		t.Errorf("%d scripts, want the data and our own", got)
	}
	keep(t, "hostile.html", page)
}

// TestPageShowsBothSides: an edge that fails has its reason, and facts of either side.
func TestPageShowsBothSides(t *testing.T) {
	p := &webPage{Report: Build(diagnosis(t, brokenMesh), Scope{})}
	p.draw(p.seen)
	d := pageData{Edges: map[int][]pageEdge{}}
	p.fill(&d)
	e := d.Edges[0][0]
	if e.Reason == "" || e.Why == "" || e.Works || len(e.ClientFacts) == 0 || len(e.ServerFacts) == 0 {
		t.Errorf("the worst edge lacks a side or a reason: %+v", e)
	}
	keep(t, "broken.html", render(t, p.Report, Style{Format: HTML}))
}

// TestPageOfADocument: what was read from JSON has no matrix to draw, and is a page all the same.
func TestPageOfADocument(t *testing.T) {
	page := render(t, sample(), Style{Format: HTML})
	if strings.Contains(page, `id="matrix"`) || !strings.Contains(page, `id="findings"`) {
		t.Error("a page without a mesh has findings and no matrix")
	}
}

// BenchmarkPage writes the largest page: 2,000 workloads and certificates, 300 findings, a full matrix of 300.
func BenchmarkPage(b *testing.B) {
	p := largePage()
	var out bytes.Buffer
	if err := p.write(&out); err != nil {
		b.Fatal(err)
	}
	keep(b, "large.html", out.String())
	for b.Loop() {
		if err := p.write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.Len())/1e6, "MB-page")
}

func largePage() *webPage {
	r := sample()
	m := &Matrix{By: ByWorkload}
	l := &CertificateList{CapturedAt: captured, Proxies: Count{2000, 2000}}
	row, finding := r.Workloads[0], r.Findings[0]
	for i := range 2000 {
		row.Ref = deployment(fmt.Sprintf("workload-%d", i))
		r.Workloads = append(r.Workloads, row)
		l.Certificates = append(l.Certificates, HeldCertificate{
			Workload: row.Ref, Identity: "spiffe://cluster.local/ns/shop/sa/" + row.Ref.Name, State: Fresh,
			Chain: []certs.Info{{NotBefore: captured.Add(-time.Hour), NotAfter: captured.Add(23 * time.Hour)}},
		})
		if i < 300 {
			finding.Subject = row.Ref
			r.Findings = append(r.Findings, finding)
			m.Clients, m.Servers = append(m.Clients, Party{Ref: row.Ref}), append(m.Servers, Party{Ref: row.Ref})
		}
	}
	for i, c := range m.Clients {
		for j, s := range m.Servers {
			v := []handshake.Verdict{handshake.MTLS, handshake.MTLS, handshake.Plaintext, handshake.Fails}[(i+j)%4]
			m.Cells = append(m.Cells, Cell{Client: c.Ref, Server: s.Ref, Worst: v, Calls: Traffic{}.plus(v)})
		}
	}
	p := &webPage{Report: r, style: Style{Format: HTML}}
	p.hold(m, l)
	return p
}

func keep(tb testing.TB, name, page string) {
	tb.Helper()
	if *pagesDir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*pagesDir, name), []byte(page), 0o600); err != nil {
		tb.Fatal(err)
	}
}
