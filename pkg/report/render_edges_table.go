package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

const noEdges = "No connections: nothing in scope can call or be called."

// edgeFold is a line of the table: what replicas have in common.
type edgeFold struct {
	client, destination, server string
	verdict                     handshake.Verdict
	reason                      handshake.Reason
}

// foldEdges counts edges by fold, and keeps the first of each, in their order.
func foldEdges(edges []Edge) (order []edgeFold, count map[edgeFold]int, first map[edgeFold]*Edge) {
	count, first = map[edgeFold]int{}, map[edgeFold]*Edge{}
	for i := range edges {
		e := &edges[i]
		k := edgeFold{
			client: Clean(e.Client.name()), destination: Clean(e.Server.destination()), server: Clean(e.Server.name()),
			verdict: e.Verdict, reason: e.Reason,
		}
		if count[k] == 0 {
			order = append(order, k)
			first[k] = e
		}
		count[k]++
	}
	return order, count, first
}

// edgeTable shows a line for each pair of workloads, host and port; their pods that differ in
// the verdict have lines of their own.
func edgeTable(w io.Writer, edges []Edge, style Style) error {
	if len(edges) == 0 {
		_, err := fmt.Fprintln(w, noEdges)
		return err
	}
	g := grid{header: []string{"CLIENT", "DESTINATION", "SERVER", "PAIRS", "VERDICT", "REASON"}}
	order, count, first := foldEdges(edges)
	bare := func(k edgeFold) int { // their callers come last: that STRICT servers refuse them is expected mostly
		if first[k].Client.Proxy == mesh.NoProxy {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(order, func(a, b edgeFold) int { return bare(a) - bare(b) })
	for _, k := range order {
		g.rows = append(g.rows, []string{
			k.client, k.destination, k.server, strconv.Itoa(count[k]),
			style.paint(verdictColor(k.verdict), string(k.verdict)), string(k.reason),
		})
	}
	return g.write(w, style)
}

// name is "shop/frontend"; it says so when no proxy carries the traffic.
func (c *Client) name() string { return workloadName(c.Namespace, c.Workload, c.Proxy) }

func (s *Server) name() string {
	switch {
	case s.Pod != "":
		return workloadName(s.Namespace, s.Workload, s.Proxy)
	case s.Address != "":
		return s.Address
	}
	return "-"
}

func workloadName(namespace, name string, plane mesh.Plane) string {
	if plane == mesh.NoProxy {
		name += " (no proxy)"
	}
	return namespace + "/" + name
}

// destination is what was dialled, without the part of a name that every service has.
func (s *Server) destination() string {
	name := fmt.Sprintf("%s:%d", shortHost(s.Host), s.Port)
	if s.Subset != "" {
		name += " subset " + s.Subset
	}
	return name
}

// shortHost is a service's name without its domain: "checkout.shop".
func shortHost(name string) string {
	if service, _, ok := strings.Cut(name, ".svc."); ok {
		return service
	}
	return name
}

// edgePairs shows a line for each pair of pods, with the addresses and the whole sentence.
func edgePairs(w io.Writer, edges []Edge, style Style) error {
	if len(edges) == 0 {
		_, err := fmt.Fprintln(w, noEdges)
		return err
	}
	g := grid{header: []string{"CLIENT POD", "DESTINATION", "ENDPOINT", "SERVER POD", "VERDICT", "WHY"}}
	for i := range edges {
		e := &edges[i]
		pod := "-"
		if e.Server.Pod != "" {
			pod = e.Server.Namespace + "/" + e.Server.Pod
		}
		g.rows = append(g.rows, []string{
			Clean(e.Client.Namespace + "/" + e.Client.Pod), Clean(e.Server.destination()), Clean(e.Server.Address), Clean(pod),
			style.paint(verdictColor(e.Verdict), string(e.Verdict)), Clean(e.Why),
		})
	}
	return g.write(w, style)
}

func verdictColor(v handshake.Verdict) string {
	switch v {
	case handshake.MTLS:
		return green
	case handshake.Fails, handshake.Denied:
		return red
	case handshake.Plaintext:
		return yellow
	case handshake.Unknown:
		return cyan
	}
	return ""
}
