package report

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// pageData is what the script shows of an edge. Texts are held once: cells, replicas and callers share them.
type pageData struct {
	Texts []string `json:"texts"`
	// Cells are those of the matrix, in its order: the texts of client, server, verdict and calls.
	Cells [][4]int `json:"cells"`
	// Edges are the connections of a cell, those that the page tells of.
	Edges map[int][]pageEdge `json:"edges"`
}

type pageEdge struct {
	To          string `json:"to"`
	Verdict     string `json:"verdict"`
	Works       bool   `json:"works"`
	Reason      string `json:"reason,omitempty"`
	Why         string `json:"why,omitempty"`
	Client      string `json:"client"`
	Server      string `json:"server"`
	ClientFacts []int  `json:"clientFacts"`
	ServerFacts []int  `json:"serverFacts"`
	Trace       string `json:"trace,omitempty"`
}

// How much the page holds of the edges: it is to open at once, and `trace` tells the rest.
const (
	maxCellEdges = 6
	maxPageEdges = 4000
)

// data is the JSON of the page. encoding/json escapes what could end the element that holds it.
func (p *webPage) data() (string, error) {
	d := &pageData{Texts: []string{}, Cells: [][4]int{}, Edges: map[int][]pageEdge{}}
	if p.matrix != nil {
		p.fill(d)
	}
	out, err := json.Marshal(d)
	return string(out), err
}

func (p *webPage) fill(d *pageData) {
	texts := interner{list: &d.Texts}
	name := func(r kube.Ref) int { return texts.add(Clean(Party{Ref: r}.name(p.matrix.By))) }
	for i := range p.matrix.Cells {
		c := &p.matrix.Cells[i]
		d.Cells = append(d.Cells, [4]int{name(c.Client), name(c.Server), texts.add(c.label()), texts.add(c.Calls.sentence())})
	}
	told := map[string]bool{}
	for _, e := range p.edges {
		client, server := partyOf(e.Client.Workload, p.matrix.By), partyOf(serverOf(e), p.matrix.By)
		i, ok := p.cells[cellKey{client.Ref, server.Ref}]
		key := fmt.Sprintf("%d %s %d %s %s", i, e.Server.Name, e.Server.Port, e.Verdict, e.Reason)
		if !ok || told[key] || outcome(e) == handshake.MTLS && p.matrix.Cells[i].mixed() {
			continue
		}
		if len(d.Edges[i]) == maxCellEdges || len(told) == maxPageEdges {
			continue
		}
		told[key] = true
		d.Edges[i] = append(d.Edges[i], p.edge(e, &texts))
	}
}

func (p *webPage) edge(e *handshake.Edge, texts *interner) pageEdge {
	out := pageEdge{
		To: Clean(hostPort(e.Server.Name, e.Server.Port)), Verdict: string(e.Verdict), Works: e.Verdict.Works(),
		Reason: string(e.Reason), Why: Clean(e.Why), Client: e.Client.Namespace + "/" + e.Client.Name, Server: "outside the cluster",
		ClientFacts: []int{}, ServerFacts: []int{},
		Trace: p.trace(e),
	}
	if e.Server.Pod != nil {
		out.Server = e.Server.Pod.Namespace + "/" + e.Server.Pod.Name
	}
	for _, x := range e.Evidence {
		i := texts.add(Clean(string(x.Layer) + " " + x.Source + ": " + x.Value))
		if strings.Contains(x.Source, out.Server) {
			out.ServerFacts = append(out.ServerFacts, i)
		} else {
			out.ClientFacts = append(out.ClientFacts, i)
		}
	}
	out.Client, out.Server = Clean(out.Client), Clean(out.Server)
	return out
}

// trace is the command that tells a connection step by step.
func (p *webPage) trace(e *handshake.Edge) string {
	from := diagnose.ShellWord("pod/" + e.Client.Name + "." + e.Client.Namespace)
	return Clean(p.style.Program + " trace " + from + " " + diagnose.ShellWord(hostPort(e.Server.Name, e.Server.Port)) + p.style.Again.Evidence)
}

// serverOf is the workload that is called, nil outside the cluster.
func serverOf(e *handshake.Edge) *mesh.Workload {
	if e.Server.Pod == nil {
		return nil
	}
	return e.Server.Pod.Workload
}

func hostPort(host string, port uint32) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// interner holds each of its texts once.
type interner struct {
	list  *[]string
	index map[string]int
}

func (in *interner) add(s string) int {
	if in.index == nil {
		in.index = map[string]int{}
	}
	i, ok := in.index[s]
	if !ok {
		i = len(*in.list)
		in.index[s] = i
		*in.list = append(*in.list, s)
	}
	return i
}
