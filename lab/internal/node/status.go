package node

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// settle is how long changes are collected before one update is sent.
const settle = 20 * time.Millisecond

// statusWriter tells the API server what the worker's pod is like, whenever that has changed.
type statusWriter struct {
	w     *worker
	wake  chan struct{}
	quit  chan struct{}
	ended chan struct{}
	sent  corev1.PodStatus
	began metav1.Time
}

func newStatusWriter(w *worker) *statusWriter {
	return &statusWriter{
		w: w, wake: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
		began: metav1.Now(),
	}
}

func (s *statusWriter) changed() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// stop returns when nothing more is sent.
func (s *statusWriter) stop() {
	close(s.quit)
	<-s.ended
}

func (s *statusWriter) run(ctx context.Context) {
	defer close(s.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.quit:
			return
		case <-s.wake:
		}
		if !sleep(ctx, settle) {
			return
		}
		if err := s.send(ctx); err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			s.w.log.Error("update status", "error", err)
			s.changed()
		}
	}
}

func (s *statusWriter) send(ctx context.Context) error {
	status := s.status(metav1.Now())
	if reflect.DeepEqual(status, s.sent) {
		return nil
	}
	pod := s.w.pod()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": status})
	if err != nil {
		return err
	}
	_, err = s.w.agent.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err == nil {
		s.sent = status
	}
	return err
}

// status is the pod's status now.
func (s *statusWriter) status(now metav1.Time) corev1.PodStatus {
	w := s.w
	status := corev1.PodStatus{
		HostIP: layout.NodeIP, HostIPs: []corev1.HostIP{{IP: layout.NodeIP}}, StartTime: &s.began,
		InitContainerStatuses: statuses(w.init), ContainerStatuses: statuses(w.main),
	}
	if w.ip != nil {
		status.PodIP, status.PodIPs = w.ip.String(), []corev1.PodIP{{IP: w.ip.String()}}
	}
	status.Phase = phase(w.pod().Spec.RestartPolicy, status.InitContainerStatuses, status.ContainerStatuses)
	ready := ready(w.init, w.main) && status.Phase == corev1.PodRunning
	for _, c := range []struct {
		kind corev1.PodConditionType
		met  bool
	}{
		{corev1.PodScheduled, true},
		{corev1.PodInitialized, initialised(w.init)},
		{corev1.ContainersReady, ready},
		{corev1.PodReady, ready},
	} {
		status.Conditions = append(status.Conditions, s.condition(c.kind, c.met, now))
	}
	return status
}

// condition keeps the time of the last change.
func (s *statusWriter) condition(kind corev1.PodConditionType, met bool, now metav1.Time) corev1.PodCondition {
	c := corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse}
	if met {
		c.Status = corev1.ConditionTrue
	}
	for _, old := range s.sent.Conditions {
		if old.Type == kind && old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
			return c
		}
	}
	c.LastTransitionTime = now
	return c
}

func statuses(keepers []*keeper) []corev1.ContainerStatus {
	list := make([]corev1.ContainerStatus, 0, len(keepers))
	for _, k := range keepers {
		list = append(list, k.status())
	}
	return list
}

func (k *keeper) status() corev1.ContainerStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	ready := k.ready
	if k.isInit && !k.sidecar() {
		ready = k.state.Terminated != nil && k.state.Terminated.ExitCode == 0
	}
	return corev1.ContainerStatus{
		Name: k.spec.Name, Image: k.spec.Image, ImageID: k.spec.Image, State: *k.state.DeepCopy(), LastTerminationState: *k.previous.DeepCopy(),
		RestartCount: k.restarts, Ready: ready, Started: new(k.started),
	}
}

func initialised(init []*keeper) bool {
	for _, k := range init {
		s := k.status()
		if k.sidecar() && !*s.Started || !k.sidecar() && !s.Ready {
			return false
		}
	}
	return true
}

func ready(init, main []*keeper) bool {
	for _, k := range init {
		if k.sidecar() && !k.status().Ready {
			return false
		}
	}
	for _, k := range main {
		if !k.status().Ready {
			return false
		}
	}
	return true
}

// phase is the pod's phase as the Kubernetes documentation, "Pod phase", defines it.
func phase(policy corev1.RestartPolicy, init, main []corev1.ContainerStatus) corev1.PodPhase {
	for _, s := range init {
		if t := s.State.Terminated; t != nil && t.ExitCode != 0 && policy == corev1.RestartPolicyNever {
			return corev1.PodFailed
		}
	}
	var waiting, running, failed int
	for _, s := range main {
		switch {
		case s.State.Running != nil || s.RestartCount > 0 && s.State.Waiting != nil:
			running++
		case s.State.Terminated == nil:
			waiting++
		case s.State.Terminated.ExitCode != 0:
			failed++
		}
	}
	switch {
	case waiting > 0:
		return corev1.PodPending
	case running > 0 || policy == corev1.RestartPolicyAlways:
		return corev1.PodRunning
	case failed > 0:
		return corev1.PodFailed
	default:
		return corev1.PodSucceeded
	}
}
