package policy_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// disagreements are the known ones between policy and listeners: a push that the proxy
// rejected, which goes on with the old, permissive listener.
func disagreements(capture string) []string {
	if capture != "16-xds-nack" {
		return nil
	}
	return []string{
		"shop/server port 8080: policy STRICT, proxy PERMISSIVE",
		"shop/server port 8443: policy STRICT, proxy PERMISSIVE",
		"shop/server port 9000: policy STRICT, proxy PERMISSIVE",
		"shop/server rest: policy STRICT, proxy PERMISSIVE",
	}
}

// compareListeners compares the mode of every port on every virtualInbound with the one that
// the policies ask for.
func (c *capture) compareListeners(t *testing.T, known []string) {
	peers, seen := c.peers(), 0
	var got []string
	for key, d := range c.proxies {
		pod := c.pods[key]
		asked := peers.ForWorkload(pod.Namespace, pod.Labels, "")
		for port, mode := range d.inbound() {
			seen++
			where := "rest"
			if port != 0 {
				where = fmt.Sprintf("port %d", port)
			}
			if want := asked.Port(port).Mode; want != mode {
				got = append(got, fmt.Sprintf("%s/%s %s: policy %s, proxy %s", pod.Namespace, pod.Labels["app"], where, want, mode))
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(known, got); diff != "" {
		t.Errorf("disagreements (-known +found):\n%s", diff)
	}
	if seen == 0 {
		t.Error("no inbound port was compared")
	}
}

// inbound reads the mode of every port from virtualInbound's filter chains; port 0 stands for
// those without a port, which take the rest.
func (d *dump) inbound() map[uint32]policy.Mode {
	const blackhole = 15006
	mtls, plain := map[uint32]bool{}, map[uint32]bool{}
	for _, c := range d.Configs {
		for _, l := range c.Listeners {
			if l.Name != "virtualInbound" {
				continue
			}
			for _, ch := range l.Active.Listener.Chains {
				mtls[ch.Match.Port] = mtls[ch.Match.Port] || ch.Socket != nil
				plain[ch.Match.Port] = plain[ch.Match.Port] || ch.Socket == nil
			}
		}
	}
	modes := map[uint32]policy.Mode{}
	for port, tls := range mtls {
		switch {
		case port == blackhole:
		case tls && plain[port]:
			modes[port] = policy.Permissive
		case tls:
			modes[port] = policy.Strict
		default:
			modes[port] = policy.Disable
		}
	}
	return modes
}
