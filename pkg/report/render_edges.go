package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// connections are edges of a snapshot. Their documents are made as they are written: a large
// mesh has millions, and a document is many times as large as its edge.
type connections struct {
	snapshot *mesh.Snapshot
	edges    []*handshake.Edge
	causes   *Report // of what is not well, for a trace; nil for none
}

func (c connections) list() []Edge { return Edges(c.snapshot, c.edges).Edges }

var edgeForms = forms[connections]{
	{Table, tableOf(edgeTable)},
	{Wide, tableOf(edgePairs)},
	{JSON, streamEdges},
	{YAML, edgesYAML},
	{CSV, writeEdgeSheet},
}

// tableOf says under a table of edges what it lacks.
func tableOf(write func(io.Writer, []Edge, Style) error) func(io.Writer, connections, Style) error {
	return func(w io.Writer, c connections, style Style) error {
		return errors.Join(write(w, c.list(), style), sayUnlisted(w, Unlisted(c.snapshot), style))
	}
}

// EdgeFormats are the forms of a list of connections, the usual one first.
func EdgeFormats() []Format { return edgeForms.names() }

// RenderEdges writes a list of connections.
func RenderEdges(w io.Writer, s *mesh.Snapshot, edges []*handshake.Edge, style Style) error {
	return edgeForms.write(w, connections{snapshot: s, edges: edges}, style)
}

// streamEdges writes an EdgeList as JSON, one edge a line and one at a time.
func streamEdges(w io.Writer, c connections, _ Style) error {
	out := bufio.NewWriterSize(w, 64<<10)
	fmt.Fprintf(out, `{"apiVersion":%q,"kind":"EdgeList",`, APIVersion)
	if !c.snapshot.CapturedAt.IsZero() {
		captured, err := json.Marshal(c.snapshot.CapturedAt.UTC())
		if err != nil {
			return err
		}
		fmt.Fprintf(out, `"capturedAt":%s,`, captured)
	}
	unlisted, err := json.Marshal(Unlisted(c.snapshot))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `"unlisted":%s,"edges":[`+"\n", unlisted)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for i, e := range c.edges {
		if i > 0 {
			fmt.Fprint(out, ",")
		}
		if err := encoder.Encode(edge(e)); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "]}")
	return out.Flush()
}
