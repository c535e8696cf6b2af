package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd606 = &diagnose.Check{
	Code: "MTD606", Name: "injection-label-conflict", Severity: diagnose.Warning,
	Title: "a namespace has two labels for injection that contradict each other",
	Doc: diagnose.Doc{
		Meaning: "The label istio-injection wins over istio.io/rev. With enabled, pods get proxies of the default revision, not of the one that istio.io/rev names; with disabled they get none. An upgrade that sets istio.io/rev and leaves the old label has no effect.",
		Symptoms: []string{
			"after an upgrade new pods are still of the old revision",
			"no pod of the namespace is injected, although istio.io/rev is set",
		},
		Detection: "The namespace has both labels. Information where a revision of that name is the default one.",
		ByHand: []diagnose.Look{
			look("kubectl get namespaces -L istio-injection,istio.io/rev", "both columns filled: istio-injection wins"),
			look("istioctl tag list", "the revisions that there are"),
		},
		NotThis:    "Labels of pods (sidecar.istio.io/inject, istio.io/rev) decide for the single pod, and are not judged.",
		Fix:        "Remove the label that is not meant; mostly istio-injection, when the mesh is run by revisions.",
		References: []string{"istio.io/docs/setup/upgrade/canary/#data-plane", "istio.io/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy"},
	},
	Needs: []diagnose.Evidence{diagnose.Namespaces},
	Run:   injectionConflict,
}

func injectionConflict(p *diagnose.Pass) {
	for _, ns := range p.Resources.Namespaces {
		old, revision := ns.Labels["istio-injection"], ns.Labels[revisionLabel]
		switch {
		case old == "" && revision == "", !concerned(p, ns.Name):
			p.NotApplicable()
		case old == "" || revision == "":
			p.Passed()
		default:
			p.Failed(conflict(kube.Ref{Kind: "Namespace", Name: ns.Name}, old, revision))
		}
	}
}

func conflict(ref kube.Ref, old, revision string) diagnose.Finding {
	effect := "its pods get proxies of the default revision, not of " + revision
	if old != "enabled" {
		effect = "its pods get no proxies"
	}
	f := diagnose.Finding{
		Subject: ref, Field: "metadata.labels[istio-injection]",
		Title:    fmt.Sprintf("namespace %s has istio-injection=%s and %s=%s: the first wins, so %s", ref.Name, old, revisionLabel, revision, effect),
		Evidence: []handshake.Fact{{Layer: handshake.Cluster, Source: "namespace " + ref.Name + " labels", Value: fmt.Sprintf("istio-injection=%s, %s=%s", old, revisionLabel, revision)}},
		Fixes: []diagnose.Fix{
			{Title: "remove istio-injection, if the revision is meant", Command: shell("kubectl label namespace %s istio-injection-", ref.Name), Risk: "pods that start from then on are of that revision, if it has a control plane"},
			{Title: "remove " + revisionLabel + ": nothing changes, and nobody is misled", Command: shell("kubectl label namespace %s "+revisionLabel+"-", ref.Name)},
		},
	}
	if old == "enabled" && revision == "default" {
		f.Severity = diagnose.Info
	}
	return f
}
