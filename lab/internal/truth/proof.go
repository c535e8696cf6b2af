package truth

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

const adminPort = 15000

// proven checks the scenario's preconditions.
func (r *Runner) proven(ctx context.Context, s scenario.Scenario, pods []node.PodInfo) error {
	for _, c := range s.Preconditions {
		pod, err := find(pods, c.Proxy)
		if err != nil {
			return err
		}
		text, err := r.Mesh.Lab.Get(ctx, pod, adminPort, c.Page)
		if err != nil {
			return fmt.Errorf("precondition: %w", err)
		}
		page := compact(string(text))
		switch {
		case !strings.Contains(page, compact(c.Has)):
			return fmt.Errorf("precondition: %s of %s has no %s", c.Page, c.Proxy, c.Has)
		case c.Lacks != "" && strings.Contains(page, compact(c.Lacks)):
			return fmt.Errorf("precondition: %s of %s has %s", c.Page, c.Proxy, c.Lacks)
		}
	}
	return nil
}

func compact(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// await waits for what a fault leads to. It is no wish for a result of a call: the condition is
// the fault itself.
func (r *Runner) await(ctx context.Context, until string, pod node.PodInfo) error {
	switch until {
	case "":
		return nil
	case "certificate-expired":
		return wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
			return r.expired(ctx, pod)
		})
	default:
		return fmt.Errorf("nothing known that is called %s", until)
	}
}

// expired is true when all leaf certificates of the proxy have ended a second ago.
func (r *Runner) expired(ctx context.Context, pod node.PodInfo) (bool, error) {
	text, err := r.Mesh.Lab.Get(ctx, pod, adminPort, "certs")
	if err != nil {
		return false, err
	}
	var page struct {
		Certificates []struct {
			Chain []struct {
				Expires time.Time `json:"expiration_time"`
			} `json:"cert_chain"`
		}
	}
	if err := json.Unmarshal(text, &page); err != nil {
		return false, err
	}
	some := false
	for _, c := range page.Certificates {
		if len(c.Chain) == 0 {
			continue
		}
		if some = true; time.Since(c.Chain[0].Expires) < time.Second {
			return false, nil
		}
	}
	return some, nil
}
