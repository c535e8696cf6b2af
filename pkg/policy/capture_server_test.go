package policy_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// TestCapturedListeners compares the mode of every port on every recorded virtualInbound with
// the one that the policies ask for. The one known disagreement is a push that the proxy
// rejected: it goes on with the old, permissive listener.
func TestCapturedListeners(t *testing.T) {
	known := map[string][]string{
		"16-xds-nack": {
			"shop/server port 8080: policy STRICT, proxy PERMISSIVE",
			"shop/server port 8443: policy STRICT, proxy PERMISSIVE",
			"shop/server port 9000: policy STRICT, proxy PERMISSIVE",
			"shop/server: policy STRICT, proxy PERMISSIVE",
		},
	}
	eachCapture(t, func(t *testing.T, name string, c *capture) {
		peers, seen := c.peers(), 0
		var got []string
		for key, d := range c.proxies {
			pod := c.pods[key]
			asked := peers.ForWorkload(pod.Namespace, pod.Labels, "")
			for port, mode := range d.inbound() {
				seen++
				switch want := asked.Port(port).Mode; {
				case want == mode:
				case port == 0:
					got = append(got, fmt.Sprintf("%s/%s: policy %s, proxy %s", pod.Namespace, pod.Labels["app"], want, mode))
				default:
					got = append(got, fmt.Sprintf("%s/%s port %d: policy %s, proxy %s", pod.Namespace, pod.Labels["app"], port, want, mode))
				}
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(known[name], got); diff != "" {
			t.Errorf("disagreements (-known +found):\n%s", diff)
		}
		if seen == 0 {
			t.Error("no inbound port was compared")
		}
	})
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
