package truth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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
		check := r.pageSays
		if c.OtherRootThan != "" {
			check = r.rootsDiffer
		}
		if err := check(ctx, c, pods); err != nil {
			return fmt.Errorf("precondition: %w", err)
		}
	}
	return nil
}

func (r *Runner) pageSays(ctx context.Context, c scenario.Precondition, pods []node.PodInfo) error {
	text, err := r.page(ctx, pods, c.Proxy, c.Page)
	if err != nil {
		return err
	}
	page := compact(string(text))
	switch {
	case !strings.Contains(page, compact(c.Has)):
		return fmt.Errorf("%s of %s has no %s", c.Page, c.Proxy, c.Has)
	case c.Lacks != "" && strings.Contains(page, compact(c.Lacks)):
		return fmt.Errorf("%s of %s has %s", c.Page, c.Proxy, c.Lacks)
	}
	return nil
}

func (r *Runner) page(ctx context.Context, pods []node.PodInfo, proxy, page string) ([]byte, error) {
	pod, err := find(pods, proxy)
	if err != nil {
		return nil, err
	}
	return r.Mesh.Lab.Get(ctx, pod, adminPort, page)
}

func (r *Runner) rootsDiffer(ctx context.Context, c scenario.Precondition, pods []node.PodInfo) error {
	var sets []string
	for _, proxy := range []string{c.Proxy, c.OtherRootThan} {
		text, err := r.page(ctx, pods, proxy, "certs")
		if err != nil {
			return err
		}
		serials, err := roots(text)
		if err != nil {
			return fmt.Errorf("roots of %s: %w", proxy, err)
		}
		sets = append(sets, serials)
	}
	if sets[0] == sets[1] {
		return fmt.Errorf("%s and %s trust the same roots", c.Proxy, c.OtherRootThan)
	}
	return nil
}

// certs is Envoy's admin page of that name, envoy.admin.v3.Certificates.
type certs struct {
	Certificates []struct {
		CA []struct {
			Serial string `json:"serial_number"`
		} `json:"ca_cert"`
		Chain []struct {
			Expires time.Time `json:"expiration_time"`
		} `json:"cert_chain"`
	}
}

// roots are the serial numbers of the roots on the page.
func roots(page []byte) (string, error) {
	var p certs
	if err := json.Unmarshal(page, &p); err != nil {
		return "", err
	}
	set := map[string]bool{}
	for _, c := range p.Certificates {
		for _, ca := range c.CA {
			set[ca.Serial] = true
		}
	}
	if len(set) == 0 {
		return "", errors.New("there is none")
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), " "), nil
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
	var page certs
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
