package report

import (
	"regexp"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// dumped is where a fact was read in the config dump of a pod's proxy: "shop/web-1 config_dump clusters/NAME", with
// the state of what is not active before it.
var dumped = regexp.MustCompile(`^([^/ ]+)/([^/ ]+) config_dump (?:[a-z]+ )?(listeners|clusters|secrets)/(\S+)`)

// inForceSince is since when proxies have what facts show of their config: the newest last_updated among it
// (envoy/admin/v3/config_dump_shared.proto). It is zero when no dump tells.
func inForceSince(s *mesh.Snapshot, facts []handshake.Fact) time.Time {
	var newest time.Time
	for _, x := range facts {
		if at := updated(s, x.Source); at.After(newest) {
			newest = at
		}
	}
	return newest.UTC()
}

// updated is when a proxy took over the listener, cluster or secret that a source names.
func updated(s *mesh.Snapshot, source string) time.Time {
	found := dumped.FindStringSubmatch(source)
	if found == nil {
		return time.Time{}
	}
	pod := s.Pod(kube.Key{Namespace: found[1], Name: found[2]})
	if pod == nil || pod.Proxy == nil {
		return time.Time{}
	}
	return lastUpdated(pod.Proxy, found[3], found[4])
}

func lastUpdated(p *envoy.Proxy, section, name string) time.Time {
	var newest time.Time
	take := func(of string, f envoy.Freshness) {
		if of == name && f.LastUpdated.After(newest) {
			newest = f.LastUpdated
		}
	}
	switch section {
	case "listeners":
		for _, l := range p.Listeners {
			take(l.Name, l.Freshness)
		}
	case "clusters":
		for _, c := range p.Clusters {
			take(c.Name, c.Freshness)
		}
	case "secrets":
		for _, x := range p.Secrets {
			take(x.Name, x.Freshness)
		}
	}
	return newest
}

// inForce says since when the proxies have it; "" when that is not known.
func (f *Finding) inForce() string {
	if f.InForceSince.IsZero() {
		return ""
	}
	return "has it since " + f.InForceSince.Format(time.DateTime) + "Z"
}
