package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

const noEdges = "No connections: nothing in scope can call or be called."

// edgeFold is a line of the table: what replicas have in common.
type edgeFold struct {
	client, host, server string
	verdict              handshake.Verdict
	reason               handshake.Reason
}

// edgeTable shows a line for each pair of workloads, host and port; their pods that differ in
// the verdict have lines of their own.
func edgeTable(w io.Writer, edges []*handshake.Edge, style Style) error {
	if len(edges) == 0 {
		_, err := fmt.Fprintln(w, noEdges)
		return err
	}
	count := map[edgeFold]int{}
	var order []edgeFold
	for _, e := range edges {
		k := fold(e)
		if count[k] == 0 {
			order = append(order, k)
		}
		count[k]++
	}
	g := grid{header: []string{"CLIENT", "DESTINATION", "SERVER", "PAIRS", "VERDICT", "REASON"}}
	for _, k := range order {
		g.rows = append(g.rows, []string{
			k.client, k.host, k.server, strconv.Itoa(count[k]),
			style.paint(verdictColor(k.verdict), string(k.verdict)), string(k.reason),
		})
	}
	return g.write(w, style.NoHeaders)
}

func fold(e *handshake.Edge) edgeFold {
	return edgeFold{
		client: Clean(workloadName(e.Client)), host: Clean(destination(&e.Server)), server: Clean(serverName(&e.Server)),
		verdict: e.Verdict, reason: e.Reason,
	}
}

// workloadName is "shop/frontend", with a star where no proxy of the mesh carries its traffic.
func workloadName(p *mesh.Pod) string {
	name := p.Namespace + "/" + p.Workload.Name
	if !p.HasProxy() && p.Plane != mesh.Ztunnel {
		name += " (no proxy)"
	}
	return name
}

// destination is what was dialled, without the part of a name that every service has.
func destination(s *handshake.Server) string {
	name := fmt.Sprintf("%s:%d", shortHost(s.Name), s.Port)
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

func serverName(s *handshake.Server) string {
	switch {
	case s.Pod != nil:
		return workloadName(s.Pod)
	case s.Address.Addr().IsValid():
		return s.Address.String()
	case s.Hostname != "":
		return s.Hostname
	}
	return "-"
}

// edgePairs shows a line for each pair of pods, with the addresses and the whole sentence.
func edgePairs(w io.Writer, edges []*handshake.Edge, style Style) error {
	if len(edges) == 0 {
		_, err := fmt.Fprintln(w, noEdges)
		return err
	}
	g := grid{header: []string{"CLIENT POD", "DESTINATION", "ENDPOINT", "SERVER POD", "VERDICT", "WHY"}}
	for _, e := range edges {
		x := edge(e)
		pod := "-"
		if x.Server.Pod != "" {
			pod = x.Server.Namespace + "/" + x.Server.Pod
		}
		g.rows = append(g.rows, []string{
			Clean(x.Client.Namespace + "/" + x.Client.Pod), Clean(destination(&e.Server)), Clean(x.Server.Address), Clean(pod),
			style.paint(verdictColor(e.Verdict), string(e.Verdict)), Clean(e.Why),
		})
	}
	return g.write(w, style.NoHeaders)
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
