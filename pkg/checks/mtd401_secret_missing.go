package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd401 = &diagnose.Check{
	Code: "MTD401", Name: "secret-missing", Severity: diagnose.Error,
	Title: "a proxy waits for a certificate or a trust bundle",
	Doc: diagnose.Doc{
		Meaning: "A listener or a cluster of the proxy names a secret that it never got: it is warming, or absent. Until it comes, Envoy refuses every connection that needs it. " +
			"Secrets default and ROOTCA are the workload's own certificate and the trust bundle, which istio-agent fetches from the CA; kubernetes://NAME is a credential of a gateway or a DestinationRule; " +
			"file-cert: and file-root: are files that somebody has to mount into the proxy's container.",
		Symptoms: []string{
			"client: UF,URX TLS_error: Secret is not supplied by SDS",
			"server proxy closes connections at once; at a gateway: SSL_ERROR_SYSCALL",
			"the pod is not ready: the proxy's listeners are warming",
			"SPIRE: workload is not authorized for the requested identities [\"file-root:system\"]",
			"client: HTTP 503 upstream connect error … remote connection failure",
		},
		Detection: "The proxy's secrets in state warming without an active one of the same name, and every secret that the transport socket of a replayed connection names and the proxy does not hold.",
		ByHand: []diagnose.Look{
			seeSecrets("default, ROOTCA or another certificate in state WARMING, or not in the list"),
			seeLog("POD", "failed to sign CSR, failed to fetch secret, unauthorized"),
		},
		NotThis:    "A secret that warms beside an active one is being rotated. A pod that just started waits for a moment. A certificate that is there and rejected is MTD101 or MTD201.",
		Fix:        "Workload certificate: mend the agent's way to the CA (port 15012, token, CA). Credential: create the Secret in the namespace of the gateway's pod, or let its service account read it. File: mount it at that path.",
		References: []string{"istio/istio#25528", "istio/istio#36957", "istio/istio#27244"},
	},
	Needs:    []diagnose.Evidence{diagnose.Secrets},
	After:    []diagnose.Code{"MTD318"},
	Run:      secretMissing,
	Describe: describeSecretMissing,
}

func secretMissing(p *diagnose.Pass) {
	for pod := range p.ProxyPods() {
		if !pod.Proxy.Read.Has(envoy.SectionSecrets) {
			p.Unknown(kube.PodRef(pod.Key()), "its proxy's secrets were not read")
			continue
		}
		names := waiting(pod.Proxy)
		for _, name := range names {
			p.Failed(lacks(p, pod, name))
		}
		if len(names) == 0 {
			p.Passed()
		}
	}
	for e := range p.Edges() {
		for _, end := range []struct {
			reason handshake.Reason
			pod    *mesh.Pod
			named  []string
		}{
			{handshake.ClientSecretMissing, e.Client, clientSecrets(e)},
			{handshake.ServerSecretMissing, e.Server.Pod, serverSecrets(e)},
		} {
			if e.Blocked(end.reason) {
				failLacking(p, e, end.pod, end.named)
			}
		}
	}
}

// failLacking reports the secrets that an edge needs and a pod does not hold.
func failLacking(p *diagnose.Pass, e *handshake.Edge, pod *mesh.Pod, named []string) {
	absent := slices.DeleteFunc(named, func(name string) bool { return inForce(pod.Proxy, name) })
	if len(absent) == 0 {
		absent = []string{""}
	}
	for _, name := range absent {
		f := lacks(p, pod, name)
		f.Edges = edge(e)
		p.Failed(f)
	}
}

// lacks blames a workload for a secret of its own, and the rule or Gateway that names it for another:
// that is one finding, whatever the number of proxies.
func lacks(p *diagnose.Pass, pod *mesh.Pod, secret string) diagnose.Finding {
	f := diagnose.Finding{Subject: pod.Workload.Ref, Group: secret, Workloads: []kube.Ref{pod.Workload.Ref}, Field: "secret " + secret}
	if rule := namedBy(p, pod.Proxy, secret); rule != nil {
		f.Subject, f.Group, f.Field = ruleRef(rule), ofRule, "spec.trafficPolicy.tls"
	}
	if ref, field, credential := gatewayNaming(p, pod, secret); ref.Name != "" {
		f.Subject, f.Group, f.Field = ref, credential, field
	}
	value := "absent"
	switch {
	case secret == "":
		f.Field = "tls_certificates"
		f.Evidence = []handshake.Fact{{Layer: handshake.Proxy, Source: pod.Key().String() + " config_dump", Value: "the transport socket names no certificate"}}
		return f
	case slices.Contains(waiting(pod.Proxy), secret):
		value = "warming: it was never supplied"
	}
	f.Evidence = []handshake.Fact{handshake.DumpFact(pod, "secrets", secret, value)}
	return f
}

// waiting are the secrets that a proxy waits for and has no older version of.
func waiting(p *envoy.Proxy) []string {
	var out []string
	for _, s := range p.Secrets {
		if s.State == envoy.Warming && !inForce(p, s.Name) && !slices.Contains(out, s.Name) {
			out = append(out, s.Name)
		}
	}
	return out
}

func inForce(p *envoy.Proxy, secret string) bool {
	return slices.ContainsFunc(p.Secrets, func(s *envoy.Secret) bool { return s.Name == secret && s.State != envoy.Warming })
}

// clientSecrets are the secrets that the cluster of an edge names.
func clientSecrets(e *handshake.Edge) []string {
	var out []string
	if e.Client.Proxy == nil {
		return nil
	}
	for _, c := range e.Client.Proxy.Clusters {
		if c.Name == e.Outbound.Cluster && c.State != envoy.Warming {
			out = append(out, c.Secrets()...)
		}
	}
	return unique(out)
}

// serverSecrets are the secrets that the filter chain of an edge names.
func serverSecrets(e *handshake.Edge) []string {
	var out []string
	if e.Server.Pod == nil || e.Server.Pod.Proxy == nil {
		return nil
	}
	for _, l := range e.Server.Pod.Proxy.Listeners {
		if l.Name != e.Inbound.Listener || l.State == envoy.Warming || l.State == envoy.Draining {
			continue
		}
		for _, c := range l.Chains() {
			if c.Name == e.Inbound.Chain {
				out = append(out, c.Socket.Secrets()...)
			}
		}
	}
	return unique(out)
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// ofRule groups all secrets that one rule names.
const ofRule = "secrets of a rule"

// gatewayNaming is the Gateway by which a gateway's proxy came to wait for a secret, the credentialName and its
// field. One credentialName stands for two secrets: the certificate, and for MUTUAL the bundle.
func gatewayNaming(p *diagnose.Pass, pod *mesh.Pod, secret string) (ref kube.Ref, field, credential string) {
	name, ok := strings.CutPrefix(secret, "kubernetes://")
	if !ok || pod.Plane != mesh.Gateway {
		return kube.Ref{}, "", ""
	}
	for _, gateway := range p.Resources.Gateways {
		for i, server := range gateway.Spec.Servers {
			if server.TLS == nil || !kube.HasLabels(gateway.Spec.Selector, pod.Labels) {
				continue
			}
			if credential = server.TLS.CredentialName; name == credential || name == credential+"-cacert" {
				return kube.Ref{Kind: "Gateway", Namespace: gateway.Namespace, Name: gateway.Name}, fmt.Sprintf("spec.servers[%d].tls.credentialName", i), credential
			}
		}
	}
	return kube.Ref{}, "", ""
}

// describeCredential tells of a credential that a Gateway names; its Secret has to be where the pods are.
func describeCredential(p *diagnose.Pass, f *diagnose.Finding, name string) {
	w := p.Snapshot.Workload(f.Workloads[0])
	f.Title = fmt.Sprintf("%s names credential %s, which the proxy of %s does not have: nobody gets in by it", f.Subject, name, workloadName(w))
	f.Fixes = []diagnose.Fix{{
		Title:   fmt.Sprintf("create Secret %s in namespace %s, where the gateway's pods are, or name the right one", name, w.Namespace),
		Command: shell("kubectl -n %s get secret %s", w.Namespace, name),
		Look:    true,
	}}
}

func describeSecretMissing(p *diagnose.Pass, f *diagnose.Finding) {
	if f.Subject.Kind == "Gateway" {
		describeCredential(p, f, f.Group)
		return
	}
	if f.Group == ofRule {
		f.Title = fmt.Sprintf("%d workloads wait for files or credentials that %s names", len(f.Workloads), f.Subject)
		f.Fixes = []diagnose.Fix{{Title: "mount them into the proxies, or correct the rule", Command: kubectl("edit", f.Subject)}}
		return
	}
	w := p.Snapshot.Workload(f.Subject)
	secret := secretOf(f.Group)
	f.Title = fmt.Sprintf("the proxy of %s has no %s, so connections that need it fail", workloadName(w), secret.what)
	f.Fixes = []diagnose.Fix{secret.fix(w)}
}

// missingSecret is what the name of a secret tells of its origin.
type missingSecret struct {
	what string
	fix  func(*mesh.Workload) diagnose.Fix
}

func secretOf(name string) missingSecret {
	if path, ok := cutAny(name, "file-cert:", "file-root:"); ok {
		files := plural("file", strings.Split(path, "~"))
		return missingSecret{files, func(*mesh.Workload) diagnose.Fix {
			return diagnose.Fix{Title: "mount " + files + " into the proxy's container, or correct the path in the DestinationRule or Gateway that names it"}
		}}
	}
	if credential, ok := cutAny(name, "kubernetes://", "kubernetes-gateway://", "configmap://"); ok {
		return missingSecret{"credential " + credential, func(w *mesh.Workload) diagnose.Fix {
			return diagnose.Fix{
				Title:   "create it in the namespace of the proxy's pod, or let its service account read it",
				Command: shell("kubectl -n %s get secret %s", w.Namespace, credential[strings.LastIndex(credential, "/")+1:]),
				Look:    true,
			}
		}}
	}
	what := "secret " + name
	switch name {
	case "":
		what = "certificate in its config"
	case "default":
		what = "certificate of its own (secret default)"
	case "ROOTCA":
		what = "trust bundle (secret ROOTCA)"
	}
	return missingSecret{what, func(w *mesh.Workload) diagnose.Fix {
		return diagnose.Fix{
			Title:   "see why the agent gets none from the CA, and mend that: it then recovers without a restart",
			Command: agentLog(w.Pods[0]),
		}
	}}
}

// cutAny cuts the first of some prefixes that fits.
func cutAny(s string, prefixes ...string) (string, bool) {
	for _, prefix := range prefixes {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			return rest, true
		}
	}
	return s, false
}

// agentLog is a command that shows what a pod's agent says of its dealings with the CA.
func agentLog(pod *mesh.Pod) string {
	return shell("kubectl -n %s logs %s -c istio-proxy --tail=200 | grep -iE 'csr|sign|citadel|sds|15012'", pod.Namespace, pod.Name)
}
