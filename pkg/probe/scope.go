package probe

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// The stages of gaps that the probe finds, beside those of package bundle.
const (
	// StagePortForward is a proxy that could not be reached at all.
	StagePortForward = "port-forward"
	// StageOutOfScope is a proxy that was not asked: beyond the bound, or not an Envoy.
	StageOutOfScope = "out-of-scope"
)

// target is one proxy to be read.
type target struct {
	kube.Key
	port int32
}

// selection is which proxies are read, in that order, and why others are not.
type selection struct {
	targets []target
	gaps    []mesh.Gap
}

// selectProxies chooses the proxies in scope and those at the other end of their edges; see the
// package comment. port says where a pod's Envoy listens.
func selectProxies(r *kube.Resources, inScope func(*kube.Pod) bool, maxPeers int, port func(*kube.Pod) int32) selection {
	var s selection
	var own, peers []*kube.Pod
	for _, p := range r.Pods {
		switch gap := cannotAsk(p); {
		case p.Finished() || p.Container(kube.ProxyContainer) == nil:
		case gap.Message != "":
			s.gaps = append(s.gaps, gap)
		case inScope(p):
			own = append(own, p)
		default:
			peers = append(peers, p)
		}
	}
	if !slices.ContainsFunc(r.Pods, inScope) {
		maxPeers = 0 // an empty scope has no edges
	}
	slices.SortFunc(own, func(a, b *kube.Pod) int { return a.Key().Compare(b.Key()) })
	peers = byReplica(peers)
	if maxPeers >= 0 && len(peers) > maxPeers {
		for _, p := range peers[maxPeers:] {
			s.gaps = append(s.gaps, podGap(p, StageOutOfScope, "not read: outside the scope, and beyond the bound on peers", "raise --max-peers, or add its namespace to the scope"))
		}
		peers = peers[:maxPeers]
	}
	for _, p := range slices.Concat(own, peers) {
		s.targets = append(s.targets, target{p.Key(), port(p)})
	}
	return s
}

// cannotAsk is the gap of a proxy that has no admin interface to ask, or the zero gap.
func cannotAsk(p *kube.Pod) mesh.Gap {
	c := p.Container(kube.ProxyContainer)
	switch {
	case c == nil:
		return mesh.Gap{}
	case slices.Contains(c.Args, "ztunnel") || p.Labels["app"] == "ztunnel":
		return podGap(p, StageOutOfScope, "ztunnel is not an Envoy and is not read yet", "")
	case isProxyless(c):
		return podGap(p, StageOutOfScope, "proxyless gRPC: there is no Envoy to ask", "")
	case p.Status.Phase != "Running":
		return podGap(p, StagePortForward, "the pod is "+cmp.Or(p.Status.Phase, "not running yet"), "kubectl -n "+p.Namespace+" describe pod "+p.Name)
	}
	return mesh.Gap{}
}

// isProxyless reports the agent of the grpc-agent template, which runs no Envoy
// (istio.io/latest/blog/2021/proxyless-grpc).
func isProxyless(c *kube.Container) bool {
	return slices.ContainsFunc(c.Env, func(e kube.EnvVar) bool {
		return e.Name == "ISTIO_META_GENERATOR" && e.Value == "grpc"
	})
}

func podGap(p *kube.Pod, stage, message, hint string) mesh.Gap {
	return mesh.Gap{Subject: kube.PodRef(p.Key()), Stage: stage, Message: message, Hint: hint}
}

// byReplica orders pods so that a prefix of any length covers as many workloads as possible:
// the first replica of every workload, ready ones first, then the second replicas.
func byReplica(pods []*kube.Pod) []*kube.Pod {
	byWorkload := map[string][]*kube.Pod{}
	for _, p := range pods {
		w := replicaSet(p)
		byWorkload[w] = append(byWorkload[w], p)
	}
	rank := map[*kube.Pod]int{}
	for _, replicas := range byWorkload {
		slices.SortFunc(replicas, func(a, b *kube.Pod) int {
			return cmp.Or(readyFirst(a, b), a.Key().Compare(b.Key()))
		})
		for i, p := range replicas {
			rank[p] = i
		}
	}
	return slices.SortedFunc(slices.Values(pods), func(a, b *kube.Pod) int {
		return cmp.Or(cmp.Compare(rank[a], rank[b]), a.Key().Compare(b.Key()))
	})
}

// replicaSet names the pods that are replicas of each other: those of one controller.
func replicaSet(p *kube.Pod) string {
	if c := p.Controller(); c != nil {
		return strings.Join([]string{p.Namespace, c.Kind, c.Name}, "/")
	}
	return p.Key().String()
}

func readyFirst(a, b *kube.Pod) int {
	switch {
	case a.Ready() == b.Ready():
		return 0
	case a.Ready():
		return -1
	}
	return 1
}
