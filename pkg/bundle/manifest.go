package bundle

import (
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// APIVersion and Kind head every manifest.
const (
	APIVersion = "mtls-doctor.dev/v1alpha1"
	Kind       = "Bundle"
)

// Manifest is manifest.json: what a bundle as a whole says of itself.
type Manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// CapturedAt is the clock of every judgement made from the bundle.
	CapturedAt time.Time `json:"capturedAt"`
	// ClusterVersion is the Kubernetes version, "v1.36.1".
	ClusterVersion     string   `json:"clusterVersion,omitempty"`
	IstioRootNamespace string   `json:"istioRootNamespace,omitempty"`
	Namespaces         []string `json:"namespaces,omitempty"`
	// Source is live, or the type of the source that the bundle was made from (mesh.Source).
	Source string `json:"source,omitempty"`
	// Context is the kubeconfig context of a live capture.
	Context string      `json:"context,omitempty"`
	Scope   *mesh.Scope `json:"scope,omitempty"`
	// Gaps are those that the capture met: requests that were refused or cut. Gaps that follow
	// from the members themselves are found again by every reader and not written.
	Gaps        []mesh.Gap `json:"gaps,omitempty"`
	ToolVersion string     `json:"toolVersion,omitempty"`
}

// ReadManifest reads a manifest. A manifest of another kind or of an API version that this
// release does not know is an error.
func ReadManifest(r io.Reader) (Manifest, error) {
	var m Manifest
	switch err := json.UnmarshalRead(r, &m); {
	case err != nil:
		return Manifest{}, fmt.Errorf("manifest.json: %w", err)
	case m.Kind != Kind:
		return Manifest{}, fmt.Errorf("manifest.json: kind is %.40q, not %q", m.Kind, Kind)
	case m.APIVersion != APIVersion:
		return Manifest{}, fmt.Errorf("manifest.json: apiVersion is %.60q, this release reads %q; use the release that wrote it", m.APIVersion, APIVersion)
	}
	return m, nil
}

// Write writes the manifest as it stands in a bundle: indented, with its API version and kind.
func (m Manifest) Write(w io.Writer) error {
	m.APIVersion, m.Kind = APIVersion, Kind
	m.CapturedAt = m.CapturedAt.UTC()
	return json.MarshalWrite(w, m, json.Deterministic(true), jsontext.WithIndent(" "))
}

// source is the evidence's source as the manifest tells it.
func (m Manifest) source() mesh.Source {
	s := mesh.Source{Type: m.Source, Context: m.Context, KubernetesVersion: m.ClusterVersion}
	if s.Type == "" || s.Type == "live" {
		s.Type = "cluster"
	}
	return s
}
