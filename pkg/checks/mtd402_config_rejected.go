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

var mtd402 = &diagnose.Check{
	Code: "MTD402", Name: "config-rejected", Severity: diagnose.Error,
	Title: "a proxy rejects the config that istiod sends and runs an older one",
	Doc: diagnose.Doc{
		Meaning: "Envoy refused an update (a NACK), so it still runs what it had before: a policy that was changed since has no effect on this proxy, and istioctl shows it as if it had. " +
			"A proxy that rejects its inbound listener right after its start has none and accepts nothing. Mostly an EnvoyFilter is to blame.",
		Symptoms: []string{
			"istiod's log: ADS:LDS: ACK ERROR … Internal:Error adding/updating listener(s) virtualInbound",
			"istioctl proxy-status: listener sent but not acknowledged (STALE)",
			"a new PeerAuthentication works everywhere except on one workload",
			"proxy's log: gRPC config for type.googleapis.com/envoy.config.listener.v3.Listener rejected",
		},
		Detection: "error_state in the proxy's config dump. A rejected cluster leaves none there: it warms beside the one in force, and cluster_manager.cds.update_rejected is not 0.",
		ByHand: []diagnose.Look{
			look("istioctl proxy-status", "the proxy is not SYNCED"),
			seeInbound("errorState, with the text of the rejection"),
			look("kubectl -n istio-system logs deploy/istiod", "ACK ERROR"),
		},
		NotThis: "A proxy that lost its connection to istiod is stale too, without any rejection. A cluster that warms because it waits for a secret is MTD401.",
		Fix:     "Read the error text: it names the filter or the field. Correct or remove the EnvoyFilter that adds it; the proxy takes the next push without a restart.",
		References: []string{
			"istio/istio#12761", "istio/istio#37107", "istio.io/docs/ops/diagnostic-tools/proxy-cmd",
		},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies},
	Run:      configRejected,
	Describe: describeRejected,
}

func configRejected(p *diagnose.Pass) {
	for pod := range p.ProxyPods() {
		rejections := append(rejections(pod.Proxy), rejectedClusters(p, pod)...)
		for _, r := range rejections {
			p.Failed(diagnose.Finding{
				Subject: sender(p, pod, r.Kind), Severity: gravity(r),
				Workloads: []kube.Ref{pod.Workload.Ref}, Evidence: []handshake.Fact{rejectionFact(pod, r)},
				Edges: deaf(p, pod, r),
			})
		}
		if len(rejections) == 0 {
			p.Passed()
		}
	}
}

// rejections are what a proxy refuses, each once: of a listener that is there with and without
// its name, the one that has it.
func rejections(p *envoy.Proxy) []envoy.Rejection {
	return slices.DeleteFunc(slices.Clone(p.Rejected), func(r envoy.Rejection) bool {
		return r.Name == "" && slices.ContainsFunc(p.Rejected, func(o envoy.Rejection) bool {
			return o.Name != "" && o.Kind == r.Kind && o.Details == r.Details
		})
	})
}

const clustersRejected = "cluster_manager.cds.update_rejected"

// rejectedClusters are the clusters that warm beside one in force although no secret keeps them
// waiting. Only the counter tells whether Envoy refused them, and it may count an older refusal: every
// cluster warms until its endpoints have come.
func rejectedClusters(p *diagnose.Pass, pod *mesh.Pod) []envoy.Rejection {
	var out []envoy.Rejection
	count, counted := pod.Proxy.Stats[clustersRejected]
	for _, c := range pod.Proxy.Clusters {
		switch {
		case c.State != envoy.Warming || !succeeds(pod.Proxy, c) || awaitsSecret(pod.Proxy, c) || arriving(p, c):
		case !counted:
			p.Unknown(kube.PodRef(pod.Key()), "cluster "+c.Name+" warms beside the one in force; whether it was rejected is not known: "+clustersRejected+" was not collected")
		case count > 0:
			out = append(out, envoy.Rejection{
				Kind: "cluster", Name: c.Name, Version: c.Version, LastAttempt: c.LastUpdated,
				Details: fmt.Sprintf("it warms beside the one in force, and %s is %d", clustersRejected, count),
			})
		}
	}
	return out
}

// arriving reports whether a cluster came so shortly before the capture that it may still wait for its endpoints.
func arriving(p *diagnose.Pass, c *envoy.Cluster) bool {
	return !undated(p) && p.CapturedAt.Sub(c.LastUpdated) < pushTime
}

// succeeds reports whether a cluster is to replace one in force.
func succeeds(p *envoy.Proxy, c *envoy.Cluster) bool {
	return slices.ContainsFunc(p.Clusters, func(o *envoy.Cluster) bool { return o != c && o.Name == c.Name && o.State == envoy.Active })
}

func awaitsSecret(p *envoy.Proxy, c *envoy.Cluster) bool {
	return slices.ContainsFunc(c.Secrets(), func(name string) bool { return !inForce(p, name) })
}

// gravity is an error where the rejection decides what the proxy accepts or presents.
func gravity(r envoy.Rejection) diagnose.Severity {
	switch {
	case r.Kind == "secret", r.Kind == "cluster", r.Kind == "listener" && inbound(r.Name):
		return diagnose.Error
	}
	return diagnose.Warning
}

// inbound reports whether a rejected listener may be the one that takes the workload's traffic.
func inbound(listener string) bool {
	return listener == "" || strings.Contains(strings.ToLower(listener), "inbound")
}

// deaf are the edges that fail because a proxy that never had an inbound listener rejects it.
func deaf(p *diagnose.Pass, pod *mesh.Pod, r envoy.Rejection) []*handshake.Edge {
	var out []*handshake.Edge
	if r.Kind != "listener" || !inbound(r.Name) {
		return nil
	}
	for _, e := range p.EdgesInto(pod) {
		if e.Blocked(handshake.ListenerRejected) {
			out = append(out, e)
		}
	}
	return out
}

// sender is the EnvoyFilter to blame for a rejection, if exactly one patches resources of that
// kind for the workload, or else the workload.
func sender(p *diagnose.Pass, pod *mesh.Pod, kind string) kube.Ref {
	if ref := onlyFilter(p, pod, func(c kube.ConfigPatch) bool { return patches(c, kind) }); ref.Name != "" {
		return ref
	}
	return pod.Workload.Ref
}

// patches reports whether a patch changes resources of that kind (EnvoyFilter.ApplyTo).
func patches(c kube.ConfigPatch, kind string) bool {
	switch c.ApplyTo {
	case "LISTENER", "LISTENER_FILTER", "FILTER_CHAIN", "NETWORK_FILTER", "HTTP_FILTER":
		return kind == "listener"
	case "ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE":
		return kind == "route"
	case "CLUSTER":
		return kind == "cluster"
	}
	return false
}

func rejectionFact(pod *mesh.Pod, r envoy.Rejection) handshake.Fact {
	source := pod.Key().String() + " config_dump " + r.Kind
	if r.Name != "" {
		source += "/" + r.Name
	}
	if !r.LastAttempt.IsZero() {
		return handshake.Fact{Layer: handshake.Proxy, Source: source + " error_state at " + stamp(r.LastAttempt), Value: r.Details}
	}
	return handshake.Fact{Layer: handshake.Proxy, Source: source + " error_state", Value: r.Details}
}

func describeRejected(p *diagnose.Pass, f *diagnose.Finding) {
	var names group
	for _, ref := range f.Workloads {
		names = append(names, workloadName(p.Snapshot.Workload(ref)))
	}
	proxies := fmt.Sprintf("the %s of %s", names.verb("proxy", "proxies"), names)
	f.Title = proxies + names.verb(
		" rejects its config and runs an older one, so later policies have no effect on it",
		" reject their config and run an older one, so later policies have no effect on them")
	if len(f.Edges) > 0 {
		f.Title = proxies + names.verb(" rejects its config and accepts nothing", " reject their config and accept nothing")
	}
	if f.Subject.Kind == "EnvoyFilter" {
		f.Title = fmt.Sprintf("%s: %s", f.Subject, f.Title)
		f.Fixes = []diagnose.Fix{envoyFilterFix(f.Subject)}
		return
	}
	f.Fixes = []diagnose.Fix{{
		Title:   "find what adds the refused part: list the EnvoyFilters of the workload's and of the root namespace, and correct the one that the error names",
		Command: shell("kubectl get envoyfilter -n %s; kubectl get envoyfilter -n %s", f.Subject.Namespace, p.MeshConfig("").Root()),
		Look:    true,
	}}
}

// envoyFilterFix takes back an EnvoyFilter.
func envoyFilterFix(ref kube.Ref) diagnose.Fix {
	return diagnose.Fix{
		Title:   "correct the EnvoyFilter by the evidence above; to see whether it is the cause, save it and remove it",
		Command: deleting(ref),
		Risk:    "what the EnvoyFilter adds is gone, and the config that the proxy would have without it takes effect, STRICT included",
	}
}
