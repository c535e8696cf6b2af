package handshake

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// rotate marks the endpoints to which Envoy sends no connections because it holds them for
// unhealthy. Those whose pod is not ready, or drains, are dropped, as those that the control plane
// does not send at all. The others stay: that they fail may be why they are out.
func rotate(c *envoy.Cluster, list []upstream) []upstream {
	if !slices.ContainsFunc(list, func(u upstream) bool { return u.unhealthy }) {
		return list
	}
	panics := panicking(c, list)
	var out []upstream
	for _, u := range list {
		u.out = u.unhealthy && !panics[u.priority]
		if u.out && (u.draining || u.Pod != nil && !u.Pod.Ready()) {
			continue
		}
		out = append(out, u)
	}
	return out
}

// Envoy's defaults: healthy_panic_threshold of a cluster, and overprovisioning_factor of its load
// assignment, in percent.
const (
	defaultPanic     = 50
	overprovisioning = 140
)

// panicking reports at which priorities too few endpoints are healthy, so that Envoy sends
// connections to all of them. None panics while the priorities together can carry the load
// (LoadBalancerBase::recalculatePerPriorityPanic in
// source/extensions/load_balancing_policies/common/load_balancer_impl.cc).
func panicking(c *envoy.Cluster, list []upstream) map[uint32]bool {
	threshold := uint32(defaultPanic)
	if c.PanicThreshold != nil {
		threshold = *c.PanicThreshold
	}
	all, healthy := map[uint32]uint32{}, map[uint32]uint32{}
	for _, u := range list {
		all[u.priority]++
		if !u.unhealthy {
			healthy[u.priority]++
		}
	}
	out := map[uint32]bool{}
	available := uint32(0)
	for p, n := range all {
		available += min(100, overprovisioning*healthy[p]/n)
		out[p] = 100*healthy[p] < threshold*n
	}
	if available >= 100 {
		return nil
	}
	return out
}

// outOfRotation tells of an endpoint that gets no connections at the moment. Where another takes them
// the replay assumes that it is called again. Where none does the connection fails, but for that
// only if for nothing else: endpoints are ejected because connections to them fail.
func (r *replay) outOfRotation(c *envoy.Cluster, none bool) {
	why := "the client's proxy holds " + r.endpoint() + " for unhealthy"
	r.fact(Observed, dumpOf(r.Client, "endpoints", c.ServiceName), why)
	if !none {
		r.assume(EndpointInRotation)
		return
	}
	r.add(Blocker{Reason: NoEndpoint, Why: why + ", and cluster " + c.Name + " has no other endpoint"}, StageEndpoint)
	r.finish()
}
