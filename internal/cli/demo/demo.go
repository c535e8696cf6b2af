// Package demo holds a recorded mesh with a mistake in it, so that a newcomer needs no cluster.
//
// The mesh is STRICT everywhere, and a DestinationRule turns mutual TLS off towards one server:
// every caller of that server fails. It was recorded from real Envoys; testdata/captures has
// it with what happened on each connection (03-dr-disable-vs-strict).
package demo

import (
	"bytes"
	"context"
	_ "embed" // the recording
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

//go:generate go run github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle/internal/trimcapture -bundle -o . ../../../testdata/captures/03-dr-disable-vs-strict.tar.gz
//go:generate mv 03-dr-disable-vs-strict.tar.gz recording.tar.gz

//go:embed recording.tar.gz
var recording []byte

// Open reads the recording.
func Open() (*mesh.Evidence, error) {
	ev, err := bundle.OpenReader(context.Background(), "recording", bytes.NewReader(recording))
	if err != nil {
		return nil, fmt.Errorf("the demo's recording: %w", err)
	}
	return ev, nil
}
