package bundle

import (
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// copyMember copies one member of our own layout as it may be kept: without secrets, and
// without what nobody reads. An error is that of reading or of the member's content; what came
// before it is written.
func copyMember(m member, w io.Writer, r io.Reader) error {
	switch {
	case m.layout != ours:
		return fmt.Errorf("%s: no member of a bundle has that name", m.path)
	case m.part == manifest:
		return copyManifest(w, r)
	case m.part == kubeList:
		return copyList(m.id, w, r)
	case m.part == meshConfig:
		return copyMeshConfig(w, r)
	case m.stage == StageConfigDump:
		return envoy.Redact(w, r)
	case m.stage == StageServerInfo:
		return copyServerInfo(w, r)
	}
	// Names, numbers and the public part of certificates: nothing to hide, and large.
	_, err := io.Copy(w, r)
	return err
}

func copyManifest(w io.Writer, r io.Reader) error {
	m, err := ReadManifest(r)
	if err != nil {
		return err
	}
	return m.Write(w)
}

// copyList copies a list that is one page.
func copyList(id string, w io.Writer, r io.Reader) error {
	l, err := newListWriter(id, w)
	if err != nil {
		return err
	}
	next, err := l.page(r)
	if endErr := l.end(err == nil && next == ""); err == nil {
		err = endErr
	}
	return err
}

func copyMeshConfig(w io.Writer, r io.Reader) error {
	c, err := readMeshConfig(r)
	if err != nil {
		return err
	}
	return json.MarshalWrite(w, c, keepEmpty)
}

// copyServerInfo leaves out the node's list of extensions, nine tenths of the 127 KB, and what is
// in the command line, which may hold the whole bootstrap.
func copyServerInfo(w io.Writer, r io.Reader) error {
	info := map[string]jsontext.Value{}
	if err := json.UnmarshalRead(r, &info); err != nil {
		return err
	}
	if info["command_line_options"] != nil {
		info["command_line_options"] = jsontext.Value("{}")
	}
	if node := info["node"]; node != nil {
		fields := map[string]jsontext.Value{}
		if err := json.Unmarshal(node, &fields); err != nil {
			return err
		}
		delete(fields, "extensions")
		short, err := json.Marshal(fields, json.Deterministic(true))
		if err != nil {
			return err
		}
		info["node"] = short
	}
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(json.MarshalWrite(pw, info, json.Deterministic(true))) }()
	err := envoy.Redact(w, pr)
	pr.CloseWithError(err)
	return err
}
