package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestFixFiles(t *testing.T) {
	r := &Report{Findings: []Finding{
		{
			Code: "MTD301", Severity: "error", Title: "a rule sends plaintext", Subject: kube.Ref{Kind: "DestinationRule", Namespace: "shop", Name: "server"},
			Origin:  &Origin{ManagedBy: "Helm release shop/web"},
			Affects: []Affected{{Client: &kube.Ref{Kind: "Deployment", Namespace: "shop", Name: "client"}, Host: "server.shop.svc.cluster.local", Port: 80, Pairs: 2}},
			Fixes: []Fix{
				{Title: "remove\x1b[31m it", Risk: "none\nrm -rf x", Command: "kubectl -n shop patch destinationrule server"},
				{Title: "open the port", Manifest: "kind: PeerAuthentication\n"},
				{Title: "open the other", Manifest: "kind: Other\n", Also: true},
				{Title: "decide"},
			},
		},
		{Code: "MTD399", Severity: "error", CausedBy: &FindingRef{Code: "MTD301"}, Fixes: []Fix{{Title: "not this one", Command: "false"}}},
		{Code: "MTD601", Severity: "info", Title: "meant so", Fixes: []Fix{{Title: "not this one", Command: "false"}}},
		{Code: "MTD604", Severity: "info", Title: "to know"},
		{Code: "MTD303", Severity: "error", Title: "one", Fixes: []Fix{{Title: "open one", Manifest: "kind: Service\n"}}},
		{Code: "MTD303", Severity: "error", Title: "another", Fixes: []Fix{{Title: "open one", Manifest: "kind: Service\n"}}},
		{Code: "MTD398", Severity: "warning", Fixes: []Fix{{Title: "look", Command: "kubectl mtls-doctor edges -A", Look: true}}},
	}}
	texts := map[string]string{}
	for _, f := range r.FixFiles(Style{}) {
		texts[f.Name] = f.Text
		if f.Program != strings.HasSuffix(f.Name, ".sh") {
			t.Errorf("%s: program %v", f.Name, f.Program)
		}
	}
	readme := texts["README.md"]
	delete(texts, "README.md")
	want := map[string]string{
		"01-MTD301-1.sh":   "#!/bin/sh\n# remove\\x1b[31m it\n# Risk: none\\x0arm -rf x\nset -eu\nkubectl -n shop patch destinationrule server\n",
		"01-MTD301-2.yaml": "# open the port\nkind: PeerAuthentication\n",
		"01-MTD301-3.yaml": "# open the other\nkind: Other\n",
		"02-MTD303-1.yaml": "# open one\nkind: Service\n",
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
	for _, says := range []string{
		"## 1. FAIL MTD301: a rule sends plaintext\n", "shop/deploy/client → server.shop:80", "The safest first. Take one",
		"DestinationRule shop/server is managed by Helm release shop/web: it undoes a patch, so make the change there.\n",
		": `01-MTD301-1.sh`. Risk: none", "- or open the port: `01-MTD301-2.yaml`\n- and open the other: `01-MTD301-3.yaml`\n", "- or decide: by hand\n", "- look: `",
		"## 3. FAIL MTD303: another\n\n- the same as for 2\n",
		"\nFor information only, and so without a file here: 2 findings of the report.\nMended with their cause, and so without a file here: 1 consequence.\n",
	} {
		if !strings.Contains(readme, says) {
			t.Errorf("no %q in\n%s", says, readme)
		}
	}
	if strings.Contains(readme, "MTD399") || strings.Contains(readme, "MTD601") {
		t.Error(readme)
	}
}

func TestNoFixFiles(t *testing.T) {
	files := (&Report{}).FixFiles(Style{})
	if len(files) != 1 || !strings.HasSuffix(files[0].Text, "\n\nThere is nothing to fix.\n") {
		t.Errorf("%+v", files)
	}
}

// Of several fixes the table and the page say whether they are alternatives or parts of one.
func TestAlternativesAndParts(t *testing.T) {
	r := sample()
	r.Findings = r.Findings[:1]
	r.Findings[0].Fixes = []Fix{{Title: "remove it"}, {Title: "open a"}, {Title: "open b", Also: true}}
	if got := render(t, r, Style{Format: Table}); !strings.Contains(got, "\n     fix     remove it\n     or      open a\n     and     open b\n") {
		t.Error(got)
	}
	page := render(t, r, Style{Format: HTML})
	for _, want := range []string{"<p>remove it</p>", "<p><strong>or </strong>open a</p>", "<p><strong>and </strong>open b</p>"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in the page", want)
		}
	}
}
