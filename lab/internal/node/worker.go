package node

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/netns"
)

// refreshVolumes is how often tokens, Secrets and ConfigMaps are written again; a ConfigMap
// that changes is written at once.
const refreshVolumes = time.Minute

// worker runs one pod from its first event to its removal.
type worker struct {
	agent *Agent
	uid   types.UID
	log   *slog.Logger
	last  atomic.Pointer[corev1.Pod]

	ip      net.IP
	network *netns.Namespace
	link    string // the node's end of the pod's interface; empty for hostNetwork

	init, main []*keeper // as in the spec
	status     *statusWriter

	deleting chan struct{} // closed when the pod is to go
	stale    chan struct{} // volumes are to be written again
	once     sync.Once
	deadline atomic.Int64 // Unix nanoseconds until which containers may take to end
	done     chan struct{}
}

// newWorker starts a worker; it waits for before, the worker of an earlier pod of the same name.
func (a *Agent) newWorker(ctx context.Context, pod *corev1.Pod, before *worker) *worker {
	w := &worker{
		agent: a, uid: pod.UID, log: a.log.With("pod", key(pod)),
		deleting: make(chan struct{}), stale: make(chan struct{}, 1), done: make(chan struct{}),
	}
	w.last.Store(pod)
	w.status = newStatusWriter(w)
	for _, c := range pod.Spec.InitContainers {
		w.init = append(w.init, newKeeper(w, c, true))
	}
	for _, c := range pod.Spec.Containers {
		w.main = append(w.main, newKeeper(w, c, false))
	}
	go func() {
		defer close(w.done)
		if before != nil {
			before.kill()
			<-before.done
		}
		w.run(ctx)
	}()
	return w
}

func (w *worker) pod() *corev1.Pod { return w.last.Load() }

// update takes a newer version of the pod.
func (w *worker) update(pod *corev1.Pod) {
	w.last.Store(pod)
	if pod.DeletionTimestamp == nil {
		return
	}
	grace := time.Duration(0)
	if pod.DeletionGracePeriodSeconds != nil {
		grace = time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
	}
	w.end(grace)
}

func (w *worker) kill() { w.end(0) }

func (w *worker) end(grace time.Duration) {
	deadline := time.Now().Add(grace).UnixNano()
	if old := w.deadline.Load(); old == 0 || deadline < old {
		w.deadline.Store(deadline)
	}
	w.once.Do(func() { close(w.deleting) })
}

// stopBy is until when a container that was asked to stop may go on.
func (w *worker) stopBy() time.Time {
	if at := w.deadline.Load(); at != 0 {
		return time.Unix(0, at)
	}
	grace := time.Duration(corev1.DefaultTerminationGracePeriodSeconds)
	if s := w.pod().Spec.TerminationGracePeriodSeconds; s != nil {
		grace = time.Duration(*s)
	}
	return time.Now().Add(grace * time.Second)
}

func (w *worker) refresh() {
	select {
	case w.stale <- struct{}{}:
	default:
	}
}

// run is the pod's life.
func (w *worker) run(ctx context.Context) {
	living, cancel := context.WithCancel(ctx)
	go func() {
		<-w.deleting
		cancel()
	}()
	defer cancel()
	go w.status.run(ctx)
	if err := w.prepare(living); err != nil && living.Err() == nil {
		w.log.Error("prepare", "error", err)
	}
	sidecars, stopSidecars := context.WithCancel(ctx)
	defer stopSidecars()
	if w.initialise(living, sidecars) {
		go w.keepVolumes(living)
		w.runMain(living)
	}
	stopSidecars()
	for _, k := range w.init {
		k.wait()
	}
	w.status.changed()
	select { // a completed pod stays until it is deleted
	case <-w.deleting:
	case <-ctx.Done():
	}
	w.remove(ctx)
}

// prepare makes the pod's network and its volumes, trying again until they are there: a
// ConfigMap that a volume needs may come later.
func (w *worker) prepare(ctx context.Context) error {
	if err := w.connect(); err != nil {
		return err
	}
	w.status.changed()
	for {
		err := w.agent.writeVolumes(ctx, w.pod())
		if err == nil {
			return nil
		}
		w.log.Info("waiting for volumes", "reason", err)
		if !sleep(ctx, 200*time.Millisecond) {
			return errors.Join(err, ctx.Err())
		}
	}
}

func (w *worker) connect() (err error) {
	if err := os.MkdirAll(w.agent.folder(w.pod()), 0o755); err != nil {
		return err
	}
	if w.pod().Spec.HostNetwork {
		w.ip, w.network = layout.Node(), w.agent.home
		return nil
	}
	if w.ip, err = w.agent.ips.take(); err != nil {
		return err
	}
	if w.network, err = netns.New(); err != nil {
		return err
	}
	h := fnv.New32a()
	fmt.Fprint(h, w.uid)
	w.link = fmt.Sprintf("pod%08x", h.Sum32())
	return netns.Attach(w.network, w.link, w.ip, layout.Node())
}

// initialise runs the init containers one after the other. A native sidecar (restartPolicy
// Always) is done when it has started, and goes on until sidecars ends.
func (w *worker) initialise(ctx, sidecars context.Context) bool {
	for _, k := range w.init {
		if ctx.Err() != nil {
			return false
		}
		if k.sidecar() {
			k.start(sidecars)
			if !k.waitStarted(ctx) {
				return false
			}
			continue
		}
		k.start(ctx)
		k.wait()
		if !k.succeeded() {
			return false
		}
	}
	return ctx.Err() == nil
}

// runMain starts the containers in order, each after the one before has run its postStart
// hook, and returns when all have ended.
func (w *worker) runMain(ctx context.Context) {
	for _, k := range w.main {
		k.start(ctx)
		k.waitRunning(ctx)
	}
	for _, k := range w.main {
		k.wait()
	}
}

func (w *worker) keepVolumes(ctx context.Context) {
	ticker := time.NewTicker(refreshVolumes)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-w.stale:
		}
		if err := w.agent.writeVolumes(ctx, w.pod()); err != nil && ctx.Err() == nil {
			w.log.Error("refresh volumes", "error", err)
		}
	}
}

// remove takes away what the pod had, and the pod itself from the API server.
func (w *worker) remove(ctx context.Context) {
	w.status.stop()
	if w.link != "" {
		if err := netns.Detach(w.link); err != nil {
			w.log.Error("detach", "error", err)
		}
		_ = w.network.Close()
		w.agent.ips.release(w.ip)
	}
	w.agent.clean(w.pod())
	pod, now := w.pod(), int64(0)
	err := w.agent.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &w.uid},
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && ctx.Err() == nil {
		w.log.Error("delete", "error", err)
	}
}

// sleep waits, and says whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
