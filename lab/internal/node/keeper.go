package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/container"
)

const (
	firstBackOff = 500 * time.Millisecond
	lastBackOff  = 10 * time.Second
)

// keeper keeps one container running, as its restart policy says.
type keeper struct {
	w      *worker
	spec   corev1.Container
	isInit bool
	ended  chan struct{}

	mu       sync.Mutex
	change   chan struct{} // closed and renewed with every change of what follows
	begun    bool          // start was called
	process  *os.Process   // nil while not running
	state    corev1.ContainerState
	previous corev1.ContainerState
	restarts int32
	posted   bool // the postStart hook is done
	started  bool // the startup probe has succeeded
	ready    bool
	held     bool // a fault: do not start again
}

func newKeeper(w *worker, spec corev1.Container, isInit bool) *keeper {
	return &keeper{
		w: w, spec: spec, isInit: isInit, ended: make(chan struct{}), change: make(chan struct{}),
		state: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}},
	}
}

// sidecar is true of a native sidecar.
func (k *keeper) sidecar() bool {
	return k.isInit && k.spec.RestartPolicy != nil && *k.spec.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// start keeps the container running until ctx ends; then it is stopped.
func (k *keeper) start(ctx context.Context) {
	k.set(func() { k.begun = true })
	go func() {
		defer close(k.ended)
		for wait := firstBackOff; ; wait = min(2*wait, lastBackOff) {
			began := time.Now()
			code := k.once(ctx)
			if ctx.Err() != nil || !k.again(code) {
				return
			}
			if time.Since(began) > lastBackOff {
				wait = firstBackOff
			}
			if !k.pause(ctx, wait) {
				return
			}
		}
	}()
}

// again says whether a container that ended with code is started again.
func (k *keeper) again(code int) bool {
	switch policy := k.w.pod().Spec.RestartPolicy; {
	case k.sidecar():
		return true
	case k.isInit:
		return code != 0 && policy != corev1.RestartPolicyNever
	default:
		return policy == corev1.RestartPolicyAlways || code != 0 && policy == corev1.RestartPolicyOnFailure
	}
}

// pause waits before the next start, and as long as a fault holds the container.
func (k *keeper) pause(ctx context.Context, wait time.Duration) bool {
	k.set(func() {
		k.previous, k.restarts = k.state, k.restarts+1
		k.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	})
	return sleep(ctx, wait) && k.until(ctx, func() bool { return !k.held })
}

// once runs the container one time and returns its exit code.
func (k *keeper) once(ctx context.Context) int {
	cmd, err := k.launch()
	if err != nil {
		k.w.log.Error("start", "container", k.spec.Name, "error", err)
		k.exited(time.Now(), 128, err.Error())
		return 128
	}
	began := time.Now()
	k.set(func() {
		k.process = cmd.Process
		k.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(began)}}
	})
	alive, cancel := context.WithCancel(ctx)
	go k.watch(alive)
	code := k.waitExit(ctx, cmd)
	cancel()
	k.exited(began, code, "")
	return code
}

func (k *keeper) launch() (*exec.Cmd, error) {
	log, err := os.OpenFile(k.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	spec, err := k.w.agent.containerSpec(k.w, k.spec)
	if err != nil {
		return nil, err
	}
	// Envoy opens /dev/stdout again by its name, as the user that it is.
	if err := log.Chown(spec.UID, spec.GID); err != nil {
		return nil, err
	}
	return container.Start(spec, k.w.network, log)
}

func (k *keeper) log() string { return k.w.agent.folder(k.w.pod(), k.spec.Name+".log") }

// waitExit waits for the end. When ctx ends, the container is asked to stop, then made to.
func (k *keeper) waitExit(ctx context.Context, cmd *exec.Cmd) int {
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case err := <-exited:
		return exitCode(err)
	case <-ctx.Done():
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	grace := time.NewTimer(time.Until(k.w.stopBy()))
	defer grace.Stop()
	select {
	case err := <-exited:
		return exitCode(err)
	case <-grace.C:
		_ = cmd.Process.Kill()
		return exitCode(<-exited)
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

func (k *keeper) exited(began time.Time, code int, message string) {
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	k.set(func() {
		k.process, k.posted, k.started, k.ready = nil, false, false, false
		k.state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: int32(code), Reason: reason, Message: message, StartedAt: metav1.NewTime(began), FinishedAt: metav1.Now(),
		}}
	})
}

// watch runs the postStart hook and the probes of one run of the container.
func (k *keeper) watch(ctx context.Context) {
	k.postStart(ctx)
	k.set(func() { k.posted = true })
	k.probe(ctx)
}

func (k *keeper) postStart(ctx context.Context) {
	if k.spec.Lifecycle == nil || k.spec.Lifecycle.PostStart == nil || k.spec.Lifecycle.PostStart.Exec == nil {
		return
	}
	if err := k.exec(ctx, k.spec.Lifecycle.PostStart.Exec.Command, streams{}); err != nil && ctx.Err() == nil {
		k.w.log.Error("postStart", "container", k.spec.Name, "error", err)
	}
}

// signal sends a signal to the container's first process.
func (k *keeper) signal(s syscall.Signal) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.process == nil {
		return fmt.Errorf("container %s does not run", k.spec.Name)
	}
	return k.process.Signal(s)
}

// hold keeps the container from being started again, or lets it start.
func (k *keeper) hold(held bool) { k.set(func() { k.held = held }) }

// wait returns when a container that was started has ended for good.
func (k *keeper) wait() {
	k.mu.Lock()
	begun := k.begun
	k.mu.Unlock()
	if begun {
		<-k.ended
	}
}

func (k *keeper) waitStarted(ctx context.Context) bool {
	return k.until(ctx, func() bool { return k.started })
}

func (k *keeper) waitRunning(ctx context.Context) bool {
	return k.until(ctx, func() bool { return k.posted || k.state.Terminated != nil })
}

func (k *keeper) succeeded() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state.Terminated != nil && k.state.Terminated.ExitCode == 0
}

// set changes the state and tells everybody who waits for it.
func (k *keeper) set(f func()) {
	k.mu.Lock()
	f()
	close(k.change)
	k.change = make(chan struct{})
	k.mu.Unlock()
	k.w.status.changed()
}

// until waits for a condition on the state; it is false when ctx ended first.
func (k *keeper) until(ctx context.Context, condition func() bool) bool {
	for {
		k.mu.Lock()
		met, change := condition(), k.change
		k.mu.Unlock()
		if met {
			return true
		}
		select {
		case <-change:
		case <-ctx.Done():
			return false
		}
	}
}
