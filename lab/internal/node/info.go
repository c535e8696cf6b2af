package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PodInfo is a pod as it runs here.
type PodInfo struct {
	Namespace, Name string
	// Workload is the name of what the pod belongs to: its Deployment, StatefulSet and so on, or itself.
	Workload    string
	Labels      map[string]string
	IP          string
	HostNetwork bool
	Ready       bool
	Ended       bool // it has completed or failed, as a Job's pod does
	Containers  []ContainerInfo
}

// ContainerInfo is one container of a PodInfo.
type ContainerInfo struct {
	Name     string
	Image    string
	Running  bool
	Ready    bool
	Restarts int32
	Log      string // the file with both its streams
}

// ProxyContainer is the name of Istio's container.
const ProxyContainer = "istio-proxy"

// Proxied says whether the pod has a proxy of Istio's.
func (p PodInfo) Proxied() bool {
	return slices.ContainsFunc(p.Containers, func(c ContainerInfo) bool { return c.Name == ProxyContainer })
}

// Pods are the pods on the node, by namespace and name.
func (a *Agent) Pods() []PodInfo {
	var list []PodInfo
	for _, w := range a.all() {
		list = append(list, w.info())
	}
	slices.SortFunc(list, func(x, y PodInfo) int {
		return strings.Compare(x.Namespace+"/"+x.Name, y.Namespace+"/"+y.Name)
	})
	return list
}

func (w *worker) info() PodInfo {
	pod := w.pod()
	p := PodInfo{
		Namespace: pod.Namespace, Name: pod.Name, Workload: workload(pod), Labels: pod.Labels, IP: w.ip.String(),
		HostNetwork: pod.Spec.HostNetwork, Ready: pod.DeletionTimestamp == nil && ready(w.init, w.main), Ended: finished(pod),
	}
	for _, k := range slices.Concat(w.init, w.main) {
		s := k.status()
		p.Containers = append(p.Containers, ContainerInfo{
			Name: s.Name, Image: s.Image, Running: s.State.Running != nil, Ready: s.Ready, Restarts: s.RestartCount, Log: k.log(),
		})
	}
	return p
}

// workload is the owner's name; of a ReplicaSet, that of its Deployment.
func workload(pod *corev1.Pod) string {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return pod.Name
	}
	if hash := pod.Labels["pod-template-hash"]; owner.Kind == "ReplicaSet" && hash != "" {
		return strings.TrimSuffix(owner.Name, "-"+hash)
	}
	return owner.Name
}

// Signal sends a signal to a process of a container: to the first one, or to those of the given
// program ("envoy").
func (a *Agent) Signal(pod, container, program string, signal syscall.Signal) error {
	k, err := a.container(pod, container)
	if err != nil {
		return err
	}
	if program == "" {
		return k.signal(signal)
	}
	k.mu.Lock()
	process := k.process
	k.mu.Unlock()
	if process == nil {
		return fmt.Errorf("container %s of %s does not run", container, pod)
	}
	pids := processes(process.Pid, program)
	if len(pids) == 0 {
		return fmt.Errorf("no process %s in container %s of %s", program, container, pod)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil {
			return err
		}
	}
	return nil
}

// processes are those of the program in the process namespace of pid.
func processes(pid int, program string) []int {
	want, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return nil
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well formed
	var found []int
	for _, dir := range dirs {
		space, err := os.Readlink(dir + "/ns/pid")
		name, _ := os.ReadFile(dir + "/comm")
		if err == nil && space == want && string(bytes.TrimSpace(name)) == program {
			n, _ := strconv.Atoi(filepath.Base(dir))
			found = append(found, n)
		}
	}
	return found
}

// Hold kills a container and keeps it from being started again, or lets it start again.
func (a *Agent) Hold(pod, container string, held bool) error {
	k, err := a.container(pod, container)
	if err != nil {
		return err
	}
	k.hold(held)
	if held {
		return k.signal(syscall.SIGKILL)
	}
	return nil
}

// Exec runs a command in a pod's container as the user uid (-1: the container's own).
func (a *Agent) Exec(ctx context.Context, pod, container string, uid int, args []string, in []byte) (out, errs []byte, code int, err error) {
	k, err := a.container(pod, container)
	if err != nil {
		return nil, nil, 0, err
	}
	if uid < 0 {
		uid, _ = identity(k.w.pod(), k.spec)
	}
	var stdout, stderr bytes.Buffer
	err = k.execAs(ctx, uid, args, streams{in: bytes.NewReader(in), out: &stdout, err: &stderr})
	if code = exitCode(err); code != 0 {
		err = nil
	}
	return stdout.Bytes(), stderr.Bytes(), code, err
}

// CutConnections ends established connections of a pod, as if a router between had forgotten
// them: those with a port in only at either end; where only is empty, all without one in spare.
func (a *Agent) CutConnections(pod string, only, spare []uint16) error {
	w := a.worker(pod)
	if w == nil || w.network == nil {
		return fmt.Errorf("no pod %s on this node", pod)
	}
	return w.network.Do(func() error {
		sockets, err := netlink.SocketDiagTCP(syscall.AF_INET)
		if err != nil {
			return err
		}
		for _, s := range sockets {
			if s.State != netlink.TCP_ESTABLISHED || !chosen(s.ID, only, spare) {
				continue
			}
			gone := func(err error) bool { return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ESTALE) }
			if err := destroy(s.ID); err != nil && !gone(err) {
				return err
			}
		}
		return nil
	})
}

func chosen(id netlink.SocketID, only, spare []uint16) bool {
	has := func(ports []uint16) bool {
		return slices.Contains(ports, id.SourcePort) || slices.Contains(ports, id.DestinationPort)
	}
	if len(only) > 0 {
		return has(only)
	}
	return !has(spare)
}
