package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// RenderEdges writes a list of connections.
func RenderEdges(w io.Writer, s *mesh.Snapshot, edges []*handshake.Edge, style Style) error {
	switch style.Format {
	case JSON:
		return streamEdges(w, s, edges)
	case YAML:
		return writeDocument(w, Edges(s, edges), YAML)
	case Wide:
		return edgePairs(w, Edges(s, edges).Edges, style)
	}
	return edgeTable(w, Edges(s, edges).Edges, style)
}

// streamEdges writes an EdgeList as JSON, one edge a line and one at a time: a large mesh has
// millions, and their documents are many times as large as they are.
func streamEdges(w io.Writer, s *mesh.Snapshot, edges []*handshake.Edge) error {
	out := bufio.NewWriterSize(w, 64<<10)
	fmt.Fprintf(out, `{"apiVersion":%q,"kind":"EdgeList",`, APIVersion)
	if !s.CapturedAt.IsZero() {
		captured, err := json.Marshal(s.CapturedAt.UTC())
		if err != nil {
			return err
		}
		fmt.Fprintf(out, `"capturedAt":%s,`, captured)
	}
	fmt.Fprint(out, `"edges":[`+"\n")
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for i, e := range edges {
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
