package handshake

import (
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// place is where something was read, and how facts and steps name that; the zero value is nowhere.
type place struct {
	Place

	source string
}

// dumpOf names a place in a pod's config dump.
func dumpOf(pod *mesh.Pod, section, name string) string {
	return pod.Namespace + "/" + pod.Name + " config_dump " + section + "/" + name
}

func placeOf(pod *mesh.Pod, section, name string) place {
	return place{Place{pod.Key(), section, name}, dumpOf(pod, section, name)}
}

// within is a part of what lies at a place.
func (p place) within(part string) place {
	p.source += "/" + part
	return p
}

// DumpFact is what the config dump of a pod's proxy says of a listener, a cluster or a secret, by its name.
func DumpFact(pod *mesh.Pod, section, name, value string) Fact {
	at := placeOf(pod, section, name)
	return Fact{Proxy, at.source, value, at.Place}
}

// Updated is when the proxy took over what lies at a place (envoy/admin/v3/config_dump_shared.proto, last_updated). Of
// several of that name, as while one warms, the newest counts. It is zero when the dump does not tell.
func (p Place) Updated(s *mesh.Snapshot) time.Time {
	var newest time.Time
	take := func(name string, f envoy.Freshness) {
		if name == p.Name && f.LastUpdated.After(newest) {
			newest = f.LastUpdated
		}
	}
	pod := s.Pod(p.Pod)
	if pod == nil || pod.Proxy == nil {
		return newest
	}
	switch p.Section {
	case "listeners":
		for _, l := range pod.Proxy.Listeners {
			take(l.Name, l.Freshness)
		}
	case "clusters":
		for _, c := range pod.Proxy.Clusters {
			take(c.Name, c.Freshness)
		}
	case "secrets":
		for _, x := range pod.Proxy.Secrets {
			take(x.Name, x.Freshness)
		}
	}
	return newest
}
