package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/client"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
)

const debugPort = 15014

// poll is how often anything is asked for.
const poll = 50 * time.Millisecond

// Mesh is the mesh of a running lab. Its clients' owner must run in the lab's network; see instance.Enter.
type Mesh struct {
	Kube *kube.Client
	Lab  *client.Client
}

// Istiods are the running pods of istiod, of all revisions.
func (m Mesh) Istiods(ctx context.Context) ([]node.PodInfo, error) {
	pods, err := m.Lab.Pods(ctx)
	if err != nil {
		return nil, err
	}
	var found []node.PodInfo
	for _, p := range pods {
		if p.Namespace == Namespace && p.Labels["app"] == "istiod" && p.Ready {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no istiod is ready")
	}
	return found, nil
}

// debug asks one of istiod's debug pages, which it shows to its own loopback interface only.
func debug[T any](ctx context.Context, m Mesh, istiod node.PodInfo, page string) (answer T, err error) {
	text, err := m.Lab.Get(ctx, istiod, debugPort, "debug/"+page)
	if err != nil {
		return answer, fmt.Errorf("ask istiod for %s: %w", page, err)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, fmt.Errorf("read istiod's %s: %w", page, err)
	}
	return answer, nil
}

// until polls until the condition holds. Its last error before the time-out explains that.
func until(ctx context.Context, limit time.Duration, what string, condition func(context.Context) (bool, error)) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, poll, limit, true, func(ctx context.Context) (bool, error) {
		met, err := condition(ctx)
		if ctx.Err() == nil {
			last = err
		}
		return met && err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait until %s: %w", what, errors.Join(err, last))
	}
	return nil
}
