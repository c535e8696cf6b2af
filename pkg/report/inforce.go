package report

import (
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// inForceSince is since when proxies have what facts show of their config: the newest of it. It is zero when no dump
// tells.
func inForceSince(s *mesh.Snapshot, facts []handshake.Fact) time.Time {
	var newest time.Time
	for _, x := range facts {
		newest = later(newest, x.Place.Updated(s))
	}
	return newest.UTC()
}

// inForce says since when the proxies have it; "" when that is not known, or the evidence is older than what is blamed.
func (f *Finding) inForce() string {
	if f.InForceSince.IsZero() || f.Origin != nil && f.InForceSince.Before(f.Origin.Written) {
		return ""
	}
	return "has it since " + f.InForceSince.Format(time.DateTime) + "Z"
}
