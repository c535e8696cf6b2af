package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/netns"
)

// Agent runs the pods of the node.
type Agent struct {
	client *kube.Client
	dir    layout.Dir
	log    *slog.Logger
	home   *netns.Namespace // the node's own network, for pods with hostNetwork
	ips    *addresses

	mu      sync.Mutex
	workers map[string]*worker // by namespace/name
}

// New makes an agent. The calling process must be in the node's network namespace.
func New(client *kube.Client, dir layout.Dir, log *slog.Logger) (*Agent, error) {
	home, err := netns.Current()
	if err != nil {
		return nil, err
	}
	return &Agent{client: client, dir: dir, log: log, home: home, ips: newAddresses(), workers: map[string]*worker{}}, nil
}

// Watch registers the node and runs pods as the factory's informers tell of them. It returns at
// once; the caller starts the factory.
func (a *Agent) Watch(ctx context.Context, factory informers.SharedInformerFactory) error {
	if err := a.register(ctx); err != nil {
		return fmt.Errorf("register the node: %w", err)
	}
	_, err1 := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { a.pod(ctx, o) },
		UpdateFunc: func(_, o any) { a.pod(ctx, o) },
		DeleteFunc: a.gone,
	})
	_, err2 := factory.Core().V1().ConfigMaps().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(_, o any) { a.configMap(o.(*corev1.ConfigMap)) },
	})
	return errors.Join(err1, err2)
}

// pod hands news of a pod to its worker; a pod without a node is bound first.
func (a *Agent) pod(ctx context.Context, o any) {
	pod := o.(*corev1.Pod)
	if pod.Spec.NodeName == "" {
		a.bind(ctx, pod)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.workers[key(pod)]
	if w == nil || w.uid != pod.UID {
		if pod.DeletionTimestamp == nil && finished(pod) {
			return
		}
		w = a.newWorker(ctx, pod, w)
		a.workers[key(pod)] = w
	}
	w.update(pod)
}

// gone ends the worker of a pod that the API server no longer has. Only now is it forgotten: news
// of a pod that has ended here may still come until then.
func (a *Agent) gone(o any) {
	if unknown, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = unknown.Obj
	}
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return
	}
	if w := a.worker(key(pod)); w != nil && w.uid == pod.UID {
		w.kill()
		go func() {
			<-w.done
			a.forget(w)
		}()
	}
}

func (a *Agent) configMap(m *corev1.ConfigMap) {
	for _, w := range a.all() {
		if w.pod().Namespace == m.Namespace && mounts(w.pod(), m.Name) {
			w.refresh()
		}
	}
}

func (a *Agent) worker(key string) *worker {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.workers[key]
}

func (a *Agent) all() []*worker {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]*worker, 0, len(a.workers))
	for _, w := range a.workers {
		list = append(list, w)
	}
	return list
}

func (a *Agent) forget(w *worker) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := key(w.pod()); a.workers[k] == w {
		delete(a.workers, k)
	}
}

// bind is the scheduler's part: there is one node.
func (a *Agent) bind(ctx context.Context, pod *corev1.Pod) {
	err := a.client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: layout.NodeName},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		a.log.Error("bind", "pod", key(pod), "error", err)
	}
}

func (a *Agent) register(ctx context.Context) error {
	nodes := a.client.CoreV1().Nodes()
	node, err := nodes.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:   layout.NodeName,
		Labels: map[string]string{corev1.LabelHostname: layout.NodeName, corev1.LabelOSStable: "linux", corev1.LabelArchStable: runtime.GOARCH},
	}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	version, err := a.client.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	node.Status = nodeStatus(version.GitVersion)
	if node, err = nodes.UpdateStatus(ctx, node, metav1.UpdateOptions{}); err != nil {
		return err
	}
	// Every node starts with the taint not-ready; the controller that would remove it does not run here.
	node.Spec.Taints = nil
	_, err = nodes.Update(ctx, node, metav1.UpdateOptions{})
	return err
}

func nodeStatus(version string) corev1.NodeStatus {
	room := corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewQuantity(int64(runtime.NumCPU()), resource.DecimalSI),
		corev1.ResourceMemory: resource.MustParse("64Gi"),
		corev1.ResourcePods:   resource.MustParse("1000"),
	}
	now := metav1.Now()
	return corev1.NodeStatus{
		Capacity: room, Allocatable: room,
		Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: layout.NodeIP}, {Type: corev1.NodeHostName, Address: layout.NodeName}},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: kubeletPort}},
		NodeInfo:        corev1.NodeSystemInfo{KubeletVersion: version, OperatingSystem: "linux", Architecture: runtime.GOARCH, ContainerRuntimeVersion: "lab://1"},
		Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "the lab's node is ready",
			LastHeartbeatTime: now, LastTransitionTime: now,
		}},
	}
}

func key(pod *corev1.Pod) string { return pod.Namespace + "/" + pod.Name }

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// folder is where a pod's logs and volumes are.
func (a *Agent) folder(pod *corev1.Pod, elem ...string) string {
	return a.dir.Run(append([]string{"pods", pod.Namespace + "_" + pod.Name}, elem...)...)
}

func (a *Agent) clean(pod *corev1.Pod) {
	if err := os.RemoveAll(a.folder(pod)); err != nil {
		a.log.Error("clean", "pod", key(pod), "error", err)
	}
}
