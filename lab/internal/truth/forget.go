package truth

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
)

// forgetting is how long a proxy may remember addresses that were called before: Envoy looks for
// unused ones every 5 s (cleanup_interval of a cluster), and has to find one unused twice.
const forgetting = 15 * time.Second

// forgotten waits until the proxy remembers no address that the last scenario called past the
// registry: whoever asks would take it for a call of this scenario.
func (r *Runner) forgotten(ctx context.Context, pod node.PodInfo) error {
	if !pod.Proxied() {
		return nil
	}
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, forgetting, true, func(ctx context.Context) (bool, error) {
		text, err := r.Mesh.Lab.Get(ctx, pod, adminPort, "clusters")
		return err == nil && !remembers(text), err
	})
	if err != nil {
		return fmt.Errorf("wait until %s forgets the last scenario: %w", id(pod), err)
	}
	return nil
}

// remembers is true when Envoy's page of clusters has a host, CLUSTER::IP:PORT::…, in the
// cluster of destinations that no registry has. AllowAnyDynamicDNSCluster keeps its hosts for minutes,
// and goes with the mode that makes it.
func remembers(clusters []byte) bool {
	for line := range bytes.Lines(clusters) {
		rest, ok := bytes.CutPrefix(line, []byte("PassthroughCluster::"))
		if ok && len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
			return true
		}
	}
	return false
}
