package oracle

import (
	"maps"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// CompareReplay compares pkg/handshake with the simulation over what istiod gave every proxy.
// Edit, unless nil, changes what the product reads: a test of the test.
func (i *Istiod) CompareReplay(edit func(*mesh.Evidence)) (*Comparison, error) {
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
	c := CompareEdges(Replay(snap), simulated)
	c.merge(i.CompareProtocols(snap))
	return c, nil
}

// CompareEdges compares the ways that the product and the simulation see, destination by
// destination. Where the product says that it does not know, only the rest is compared.
func CompareEdges(product, simulated Edges) *Comparison {
	c := new(Comparison)
	all := maps.Clone(product)
	maps.Copy(all, simulated)
	for _, k := range slices.SortedFunc(maps.Keys(all), func(a, b Call) int { return strings.Compare(a.String(), b.String()) }) {
		p, s := slices.Clone(product[k]), slices.Clone(simulated[k])
		c.count(abstain(p, s))
		if nothing(p) && nothing(s) {
			c.count("destination without an endpoint")
			continue
		}
		c.equal("ways", k.String(), lines(p), lines(s))
	}
	return c
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
