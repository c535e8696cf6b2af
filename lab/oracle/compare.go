package oracle

import (
	"maps"
	"slices"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// CompareReplay compares pkg/handshake with the simulation over what istiod gave every proxy.
// Edit, unless nil, changes what the product reads: a test of the test.
func (i *Istiod) CompareReplay(edit func(*mesh.Evidence), known ...Known) (*Comparison, error) {
	ev, err := NewDumper().Evidence(i)
	if err != nil {
		return nil, err
	}
	if edit != nil {
		edit(ev)
	}
	simulated, err := i.Simulate()
	if err != nil {
		return nil, err
	}
	snap := mesh.New(ev)
	c := i.CompareEdges(Replay(snap), simulated, known)
	c.merge(i.CompareProtocols(snap))
	return c, nil
}

// CompareEdges compares the ways that the product and the simulation see, destination by
// destination. Where the product says that it does not know, only the rest is compared.
func (i *Istiod) CompareEdges(product, simulated Edges, known []Known) *Comparison {
	c := new(Comparison)
	all := maps.Clone(product)
	maps.Copy(all, simulated)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		p, s := slices.Clone(product[k]), slices.Clone(simulated[k])
		c.count(abstain(p, s))
		p, s = i.settle(c, k, p, s, known)
		if nothing(p) && nothing(s) {
			c.count("destination without an endpoint")
			continue
		}
		c.equal("ways", k, lines(p), lines(s))
	}
	return c
}

// settle removes the known differences of one destination, and counts them.
func (i *Istiod) settle(c *Comparison, k string, p, s []Way, known []Known) ([]Way, []Way) {
	d := i.destination(k)
	for _, x := range known {
		if lines(p) == lines(s) {
			break
		}
		was := lines(p) + lines(s)
		p, s = x.settle(d, p, s)
		if lines(p)+lines(s) != was {
			c.count("known difference " + x.Name)
		}
	}
	return p, s
}

func (i *Istiod) destination(k string) destination {
	client, to, _ := strings.Cut(k, " calls ")
	d := destination{Istiod: i, host: to[:strings.LastIndex(to, ":")]}
	for _, p := range i.Proxies {
		if p.Pod.Key().String() == client {
			d.client = p
		}
	}
	for _, e := range i.Resources.ServiceEntries {
		d.entry = d.entry || slices.Contains(e.Spec.Hosts, d.host)
	}
	return d
}

// nothing reports that no connection leaves the client.
func nothing(ways []Way) bool {
	return len(ways) == 0 || len(ways) == 1 && ways[0].Result == Stopped
}

func lines(ways []Way) string {
	var out []string
	for _, w := range ways {
		out = append(out, "\n    "+w.String())
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "")
}

// abstain takes the product's word for what it does not know.
func abstain(product, simulated []Way) string {
	was := "known destination"
	for n, p := range product {
		if p.Result != Unknown {
			continue
		}
		was = "unknown destination"
		for m, s := range simulated {
			if s.Cluster == p.Cluster && s.Endpoint == p.Endpoint {
				simulated[m].Result, simulated[m].Chain = Unknown, ""
				product[n].Chain = ""
			}
		}
	}
	return was
}

// originalDst reports whether a cluster goes where the application dialled.
func (p *Proxy) originalDst(name string) bool {
	if p == nil {
		return false
	}
	return p.cluster(name).GetType() == cluster.Cluster_ORIGINAL_DST
}

// portOverride is the port to which a cluster sends what was dialled at another, 0 for none.
func (p *Proxy) portOverride(name string) uint32 {
	if p == nil {
		return 0
	}
	return p.cluster(name).GetOriginalDstLbConfig().GetUpstreamPortOverride().GetValue()
}
