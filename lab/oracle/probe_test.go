package oracle
import (
 "testing"
 "istio.io/istio/pilot/test/xds"
 _ "istio.io/istio/pilot/pkg/simulation"
 _ "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
 _ "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
)
func TestX(t *testing.T) { xds.NewFakeDiscoveryServer(t, xds.FakeOptions{}) }
