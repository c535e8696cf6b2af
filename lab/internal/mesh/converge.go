package mesh

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
)

const (
	// quiet is how long nothing may have moved. istiod collects changes for 100 ms before it
	// pushes (PILOT_DEBOUNCE_AFTER), so that this is ten times what a push takes to begin.
	quiet = time.Second
	// stuck is how long a push may stay unanswered before it counts as never answered: Envoy
	// does not answer for clusters that wait for a certificate. It is how long a pod may stay
	// unready, too.
	stuck = 4 * time.Second
	// slower is by how many times what it took to look, longest in all, a busy machine is waited for: istiod's push comes
	// as late there as its answers do.
	slower, longest = 5, 5 * time.Second
	// limit is how long convergence may take.
	limit = 60 * time.Second
)

// Unacked is something that istiod sent and a proxy has not accepted.
type Unacked struct {
	Proxy string // NAME.NAMESPACE of the pod
	Type  string // the last part of the resource type: Cluster, Listener, …
	Error string // the proxy's reason when it refused; empty when it has not answered
}

// Converged is the state of a mesh in which nothing moves any more.
type Converged struct {
	Proxies []string // NAME.NAMESPACE, sorted
	Unacked []Unacked
	Unready []string // NAMESPACE/NAME of pods that run and are not ready
}

// syncStatus is one proxy in istiod's debug/syncz.
type syncStatus struct {
	Proxy     string
	Resources map[string]struct{ Sent, Acked, LastError string }
}

// Converge waits until pods and workloads have settled, istiod has read every Istio object that
// the API server has, every proxy is connected and has answered what it was sent, and nothing
// has moved for a second. Proxies of pods in except (NAMESPACE/NAME) are not waited for: those
// that a fault has stopped. It never waits for a wished result.
func (m Mesh) Converge(ctx context.Context, except ...string) (Converged, error) {
	var state Converged
	watch := stillness{now: time.Now}
	err := until(ctx, limit, "the mesh has converged", func(ctx context.Context) (bool, error) {
		began := watch.now()
		unready, err := m.settled(ctx, except)
		if err != nil {
			return false, watch.moved(err)
		}
		statuses, err := m.syncz(ctx)
		if err != nil {
			return false, watch.moved(err)
		}
		missing, err := m.missing(ctx, statuses, except)
		if err != nil || len(missing) > 0 {
			return false, watch.moved(orErr(err, "not connected: %s", strings.Join(missing, " ")))
		}
		state = summary(statuses)
		state.Unready = unready
		still := watch.since(fmt.Sprint(statuses, unready))
		return state.rests(still - min(slower*watch.now().Sub(began), longest)), nil
	})
	return state, err
}

// Picture is what must not move while calls are made, by whose it is: what every proxy was sent and has
// answered, which pods are not ready, and what could not be asked.
func (m Mesh) Picture(ctx context.Context) map[string]string {
	unready, err := m.settled(ctx, nil)
	picture := map[string]string{"pods": fmt.Sprint(unready, err)}
	statuses, err := m.syncz(ctx)
	if err != nil {
		picture["istiod"] = err.Error()
	}
	for _, s := range statuses {
		picture[s.Proxy] = fmt.Sprint(s.Resources)
	}
	return picture
}

// rests is true when the state has not moved for long enough to be the last one.
func (c Converged) rests(still time.Duration) bool {
	unanswered := slices.ContainsFunc(c.Unacked, func(u Unacked) bool { return u.Error == "" })
	return still >= quiet && !unanswered && len(c.Unready) == 0 || still >= stuck
}

// stillness measures for how long a picture has not changed.
type stillness struct {
	now     func() time.Time
	picture string
	began   time.Time
}

func (s *stillness) since(picture string) time.Duration {
	if picture != s.picture || s.began.IsZero() {
		s.picture, s.began = picture, s.now()
	}
	return s.now().Sub(s.began)
}

// moved starts the measure anew and returns err.
func (s *stillness) moved(err error) error {
	s.began = time.Time{}
	return err
}

func orErr(err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return fmt.Errorf(format, args...)
}

// settled is an error while a pod starts or ends, or istiod has not read all configuration. Pods
// that run and are not ready may stay so.
func (m Mesh) settled(ctx context.Context, except []string) (unready []string, err error) {
	if err := m.rolledOut(ctx); err != nil {
		return nil, err
	}
	if err := m.spacesStay(ctx); err != nil {
		return nil, err
	}
	pods, err := m.Kube.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, p := range pods.Items {
		name := p.Namespace + "/" + p.Name
		switch {
		case slices.Contains(except, name):
		case p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodPending:
			return nil, fmt.Errorf("pod %s is on its way", name)
		case p.Status.Phase == corev1.PodRunning && !ready(p):
			unready = append(unready, name)
		}
	}
	return unready, m.read(ctx)
}

func ready(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// spacesStay is nil when no namespace is on its way out: what lies in it goes at its own time, and
// nothing new gets in.
func (m Mesh) spacesStay(ctx context.Context) error {
	spaces, err := m.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, s := range spaces.Items {
		if s.DeletionTimestamp != nil {
			return fmt.Errorf("namespace %s is on its way", s.Name)
		}
	}
	return nil
}

// rolledOut is nil when every workload has the pods that it wants, and no others.
func (m Mesh) rolledOut(ctx context.Context) error {
	deployments, err := m.Kube.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, d := range deployments.Items {
		if s := d.Status; d.DeletionTimestamp != nil || s.ObservedGeneration < d.Generation || s.UpdatedReplicas != *d.Spec.Replicas || s.Replicas != *d.Spec.Replicas {
			return fmt.Errorf("deployment %s/%s is on its way", d.Namespace, d.Name)
		}
	}
	sets, err := m.Kube.AppsV1().StatefulSets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, d := range sets.Items {
		if s := d.Status; d.DeletionTimestamp != nil || s.ObservedGeneration < d.Generation || s.UpdatedReplicas != *d.Spec.Replicas || s.Replicas != *d.Spec.Replicas {
			return fmt.Errorf("StatefulSet %s/%s is on its way", d.Namespace, d.Name)
		}
	}
	return nil
}

// read is nil when every istiod holds what the API server holds, object by object.
func (m Mesh) read(ctx context.Context) error {
	configs, err := m.Configs(ctx)
	if err != nil {
		return err
	}
	want := map[Object]string{}
	for _, o := range configs {
		want[ObjectOf(o)] = o.GetResourceVersion()
	}
	made, err := m.made(ctx)
	if err != nil {
		return err
	}
	for _, o := range made {
		want[o] = ""
	}
	istiods, err := m.Istiods(ctx)
	if err != nil {
		return err
	}
	for _, i := range istiods {
		held, err := m.configz(ctx, i)
		if err != nil {
			return err
		}
		if !maps.Equal(want, held) {
			return fmt.Errorf("istiod %s has not read all configuration", i.Name)
		}
	}
	return nil
}

// configz is what an istiod holds: the version of every object, "" of those that it made itself.
func (m Mesh) configz(ctx context.Context, istiod node.PodInfo) (map[Object]string, error) {
	type object struct {
		metav1.TypeMeta
		Metadata metav1.ObjectMeta
	}
	list, err := debug[[]object](ctx, m, istiod, "configz")
	if err != nil {
		return nil, err
	}
	held := map[Object]string{}
	for _, o := range list {
		if group := o.GroupVersionKind().Group; strings.HasSuffix(group, ".istio.io") {
			held[Object{group, o.Kind, o.Metadata.Namespace, o.Metadata.Name}] = o.Metadata.ResourceVersion
		}
	}
	return held, nil
}

func (m Mesh) syncz(ctx context.Context) ([]syncStatus, error) {
	istiods, err := m.Istiods(ctx)
	if err != nil {
		return nil, err
	}
	var all []syncStatus
	for _, i := range istiods {
		list, err := debug[[]syncStatus](ctx, m, i, "syncz")
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(x, y syncStatus) int { return strings.Compare(x.Proxy, y.Proxy) })
	return all, nil
}

// missing are the proxies that run and are not connected.
func (m Mesh) missing(ctx context.Context, statuses []syncStatus, except []string) ([]string, error) {
	pods, err := m.Lab.Pods(ctx)
	if err != nil {
		return nil, err
	}
	connected := map[string]bool{}
	for _, s := range statuses {
		connected[s.Proxy] = true
	}
	var missing []string
	for _, p := range pods {
		if name := p.Name + "." + p.Namespace; p.Proxied() && !p.Ended && !connected[name] && !slices.Contains(except, p.Namespace+"/"+p.Name) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

func summary(statuses []syncStatus) Converged {
	var c Converged
	for _, s := range statuses {
		c.Proxies = append(c.Proxies, s.Proxy)
		for _, kind := range slices.Sorted(maps.Keys(s.Resources)) {
			if r := s.Resources[kind]; r.Sent != r.Acked {
				c.Unacked = append(c.Unacked, Unacked{s.Proxy, kind[strings.LastIndex(kind, ".")+1:], r.LastError})
			}
		}
	}
	return c
}
