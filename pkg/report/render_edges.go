package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// connections are edges of a snapshot. Their documents are made as they are written: a large
// mesh has millions, and a document is many times as large as its edge.
type connections struct {
	snapshot *mesh.Snapshot
	edges    []*handshake.Edge
	causes   *Report // of what is not well, for a trace; nil for none

	// only are the verdicts that were asked for, none for all; all are the edges of which edges are those.
	only []handshake.Verdict
	all  []*handshake.Edge
}

// none says that no connection has a verdict that was asked for, and how many nobody can tell.
func (c connections) none() string {
	words, unknown := make([]string, len(c.only)), 0
	for i, v := range c.only {
		words[i] = string(v)
	}
	for _, e := range c.all {
		if e.Verdict == handshake.Unknown {
			unknown++
		}
	}
	said := fmt.Sprintf("Of %s none is %s", plural(len(c.all), "connection"), strings.Join(words, " or "))
	if unknown > 0 {
		said += fmt.Sprintf("; %d unknown", unknown)
	}
	return said + ".\n"
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
		var err error
		if len(c.edges) == 0 && len(c.all) > 0 {
			_, err = io.WriteString(w, c.none())
		} else {
			err = write(w, c.list(), style)
		}
		return errors.Join(err, sayUnlisted(w, Unlisted(c.snapshot), style))
	}
}

// EdgeFormats are the forms of a list of connections, the usual one first.
func EdgeFormats() []Format { return edgeForms.names() }

// RenderEdges writes a list of connections: only those of some verdicts, where some are given.
func RenderEdges(w io.Writer, s *mesh.Snapshot, edges []*handshake.Edge, style Style, only ...handshake.Verdict) error {
	c := connections{snapshot: s, edges: edges, only: only, all: edges}
	if len(only) > 0 {
		c.edges = slices.DeleteFunc(slices.Clone(edges), func(e *handshake.Edge) bool { return !slices.Contains(only, e.Verdict) })
	}
	return edgeForms.write(w, c, style)
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
	fmt.Fprintf(out, `"unlisted":%s,`, unlisted)
	if len(c.only) > 0 {
		only, err := json.Marshal(c.only)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, `"only":%s,`, only)
	}
	fmt.Fprint(out, `"edges":[`+"\n")
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
