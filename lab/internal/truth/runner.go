package truth

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/api"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/fault"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

// Runner runs scenarios on one lab, one after the other.
type Runner struct {
	Mesh   mesh.Mesh
	Dir    layout.Dir
	Common []*unstructured.Unstructured // what runs in all scenarios
	Log    io.Writer

	instrument Instrument
	workloads  []byte    // what was applied last
	changed    time.Time // when the configuration was, last
}

// Run finds the truth of a scenario. The lab stays as the scenario made it, with its faults,
// until end is called.
func (r *Runner) Run(ctx context.Context, s scenario.Scenario) (t Truth, end func(context.Context) error, err error) {
	prepared, err := r.prepare(ctx, s)
	if err != nil {
		return Truth{}, prepared.mend, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	t, err = r.measure(ctx, s, prepared)
	if err != nil {
		return t, prepared.mend, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	return t, prepared.mend, nil
}

// Apply makes the mesh what the scenario wants, its faults included, without any call. They stay.
func (r *Runner) Apply(ctx context.Context, s scenario.Scenario) error {
	if _, err := r.prepare(ctx, s); err != nil {
		return fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	return nil
}

// prepared is a mesh as the scenario wants it.
type prepared struct {
	pods    []node.PodInfo
	config  []*unstructured.Unstructured
	unacked []mesh.Unacked
	mends   []func(context.Context) error
}

func (p prepared) mend(ctx context.Context) error {
	for _, m := range slices.Backward(p.mends) {
		if err := m(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) prepare(ctx context.Context, s scenario.Scenario) (p prepared, err error) {
	if !s.Continues {
		if err := r.openEgress(ctx); err != nil {
			return p, err
		}
	}
	if err := r.applyWorkloads(ctx, s); err != nil {
		return p, err
	}
	if !s.Continues {
		if err := r.forget(ctx); err != nil {
			return p, err
		}
	}
	if err := r.Mesh.SetMeshConfig(ctx, r.Dir.Share("istio.yaml"), s.MeshConfig); err != nil {
		return p, err
	}
	if s.First != nil {
		if _, err := r.replace(ctx, s, *s.First); err != nil {
			return p, err
		}
		if _, err := r.Mesh.Converge(ctx); err != nil {
			return p, err
		}
	}
	if p.config, err = r.replace(ctx, s, nil); err != nil {
		return p, err
	}
	state, err := r.Mesh.Converge(ctx)
	if err != nil {
		return p, err
	}
	p.unacked = state.Unacked
	if p.pods, err = r.Mesh.Lab.Pods(ctx); err != nil {
		return p, err
	}
	if err := accepted(s, p); err != nil {
		return p, err
	}
	if !s.Continues {
		if err := each(p.pods, func(pod node.PodInfo) error { return r.forgotten(ctx, pod) }); err != nil {
			return p, err
		}
	}
	if p.mends, err = r.breakProxies(ctx, s, p.pods); err != nil {
		return p, err
	}
	return p, r.proven(ctx, s, p.pods)
}

// openEgress removes the Sidecars of the last scenario. istiod 1.31 does not give back the cluster of a port that one has
// hidden, when another port of its Service was visible: a delta push holds the Services that the Sidecar hid as a whole.
func (r *Runner) openEgress(ctx context.Context) error {
	removed, err := r.Mesh.RemoveSidecars(ctx)
	if err != nil || !removed {
		return err
	}
	if _, err := r.Mesh.Converge(ctx); err != nil {
		return err
	}
	return r.Mesh.Resend(ctx)
}

// applyWorkloads applies the common workloads as the scenario annotates them, when they differ
// from what runs, and removes what other scenarios have added.
func (r *Runner) applyWorkloads(ctx context.Context, s scenario.Scenario) error {
	removed, err := r.removeForeign(ctx, s)
	if err != nil {
		return err
	}
	objects, err := s.Compose(r.Common)
	if err != nil {
		return err
	}
	text, err := json.Marshal(objects)
	if err != nil || !removed && bytes.Equal(text, r.workloads) {
		return err
	}
	if err := r.Mesh.Kube.Apply(ctx, objects...); err != nil {
		return err
	}
	r.workloads = text
	_, err = r.Mesh.Converge(ctx)
	return err
}

// replace makes the scenario's objects, of the files or all, the only configuration.
func (r *Runner) replace(ctx context.Context, s scenario.Scenario, files []string) ([]*unstructured.Unstructured, error) {
	objects := s.Objects(files...)
	err := scenario.FillObjects(objects, func(workload string) (string, error) {
		pod, err := r.Mesh.Lab.Pod(ctx, workload)
		return pod.IP, err
	})
	if err != nil {
		return nil, err
	}
	var config []*unstructured.Unstructured
	for _, o := range objects {
		if strings.HasSuffix(o.GroupVersionKind().Group, ".istio.io") {
			config = append(config, o)
			continue
		}
		labels := o.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[ownedBy] = s.FileName()
		o.SetLabels(labels)
	}
	err = r.Mesh.Replace(ctx, objects...)
	r.changed = time.Now()
	return config, err
}

// young is for how long a diagnosis may call a change one that has not arrived everywhere yet: of
// two runs a second apart, one would still say so and the other not.
const young = 5 * time.Second

// Age waits until the configuration is no longer young.
func (r *Runner) Age(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(r.changed.Add(young))):
	}
}

// accepted is nil when exactly the proxies that the scenario names have not accepted their configuration.
// Of a mesh composed at random nobody knows them beforehand: the truth names them.
func accepted(s scenario.Scenario, p prepared) error {
	if s.Expect.VerdictsOnly {
		return nil
	}
	got := map[string]bool{}
	for _, u := range p.unacked {
		got[workloadOf(p.pods, u.Proxy)] = true
	}
	for _, name := range s.NotAccepted {
		if !got[name] {
			return fmt.Errorf("precondition: the proxy of %s has accepted its configuration", name)
		}
		delete(got, name)
	}
	for name := range got {
		return fmt.Errorf("precondition: the proxy of %s has not accepted its configuration", name)
	}
	return nil
}

// workloadOf is the workload of a proxy that istiod calls POD.NAMESPACE.
func workloadOf(pods []node.PodInfo, proxy string) string {
	for _, p := range pods {
		if p.Name+"."+p.Namespace == proxy {
			return p.Namespace + "/" + p.Workload
		}
	}
	return proxy
}

func (r *Runner) breakProxies(ctx context.Context, s scenario.Scenario, pods []node.PodInfo) (mends []func(context.Context) error, err error) {
	for _, f := range s.Faults {
		kind, err := fault.Find(f.Name)
		if err != nil {
			return mends, err
		}
		pod, err := find(pods, f.Pod)
		if err != nil {
			return mends, err
		}
		if err := kind.Break(ctx, r.Mesh.Lab, pod); err != nil {
			return mends, err
		}
		mends = append(mends, func(ctx context.Context) error { return kind.Mend(ctx, r.Mesh.Lab, pod) })
		if err := r.await(ctx, f.Until, pod); err != nil {
			return mends, err
		}
	}
	return mends, nil
}

func find(pods []node.PodInfo, name string) (node.PodInfo, error) {
	for _, p := range pods {
		if p.Namespace+"/"+p.Workload == name || p.Namespace+"/"+p.Name == name {
			return p, nil
		}
	}
	return node.PodInfo{}, fmt.Errorf("no pod of %s", name)
}

// forget ends what is left of the last scenario: pooled connections, which would keep their
// addresses known to the proxies, and counts.
func (r *Runner) forget(ctx context.Context) error {
	pods, err := r.Mesh.Lab.Pods(ctx)
	if err != nil {
		return err
	}
	if err := r.cut(ctx, watched(pods)); err != nil {
		return err
	}
	return each(pods, func(p node.PodInfo) error { return r.resetCounters(ctx, p) })
}

func (r *Runner) resetCounters(ctx context.Context, p node.PodInfo) error {
	if !p.Proxied() {
		return nil
	}
	done, err := r.Mesh.Lab.Exec(ctx, p, api.Exec{Container: node.ProxyContainer, UID: -1, Args: []string{"probe", "post", "http://127.0.0.1:15000/reset_counters"}})
	if err == nil && done.Code != 0 {
		err = fmt.Errorf("reset the counters of %s/%s: %s", p.Namespace, p.Name, done.Stderr)
	}
	return err
}

// each runs f for all pods at once.
func each(pods []node.PodInfo, f func(node.PodInfo) error) error {
	errs := make([]error, len(pods))
	var wg sync.WaitGroup
	for i, p := range pods {
		wg.Go(func() { errs[i] = f(p) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
