package node

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/container"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// image is what the lab knows of an image: the program that it starts and the user that it is.
type image struct {
	entrypoint []string
	uid        int
}

// appUID is the user of app containers that name none. Istio captures the traffic of every user but its own.
const appUID = 2000

const proxyUID = 1337

func imageOf(c corev1.Container) image {
	name, _, _ := strings.Cut(path.Base(c.Image), ":")
	switch name {
	case "proxyv2":
		return image{[]string{"/usr/local/bin/pilot-agent"}, proxyUID}
	case "pilot":
		return image{[]string{"/usr/local/bin/pilot-discovery"}, proxyUID}
	default:
		return image{[]string{"/usr/local/bin/app"}, appUID}
	}
}

// containerSpec is the container as a process.
func (a *Agent) containerSpec(w *worker, c corev1.Container) (container.Spec, error) {
	pod := w.pod()
	env, err := a.environment(w, c)
	if err != nil {
		return container.Spec{}, err
	}
	mounts, err := a.mounts(pod, c)
	if err != nil {
		return container.Spec{}, err
	}
	files, err := a.files(w, time.Now())
	if err != nil {
		return container.Spec{}, err
	}
	uid, gid := identity(pod, c)
	return container.Spec{
		Hostname: pod.Name, Mounts: mounts, Files: files, Args: arguments(c, env), Env: env.list(),
		Dir: c.WorkingDir, UID: uid, GID: gid,
	}, nil
}

// arguments are the command as Kubernetes puts it together. An app container with neither
// command nor arguments serves the ports that it declares.
func arguments(c corev1.Container, env environment) []string {
	args := c.Command
	if len(args) == 0 {
		args = imageOf(c).entrypoint
	}
	rest := c.Args
	if len(c.Command) == 0 && len(rest) == 0 && imageOf(c).uid == appUID {
		rest = append([]string{"serve"}, served(c)...)
	}
	out := make([]string, 0, len(args)+len(rest))
	for _, a := range slices.Concat(args, rest) {
		out = append(out, env.expand(a))
	}
	return out
}

func served(c corev1.Container) []string {
	var ports []string
	for _, p := range c.Ports {
		ports = append(ports, fmt.Sprintf("%s:%d", cmp.Or(p.Name, "http"), p.ContainerPort))
	}
	return ports
}

func identity(pod *corev1.Pod, c corev1.Container) (uid, gid int) {
	uid = imageOf(c).uid
	var podUser, user, podGroup, group *int64
	if s := pod.Spec.SecurityContext; s != nil {
		podUser, podGroup = s.RunAsUser, s.RunAsGroup
	}
	if s := c.SecurityContext; s != nil {
		user, group = s.RunAsUser, s.RunAsGroup
	}
	if u := cmp.Or(user, podUser); u != nil {
		uid = int(*u)
	}
	if g := cmp.Or(group, podGroup); g != nil {
		return uid, int(*g)
	}
	return uid, uid
}

// etc is what the kubelet, and an image's base, put into /etc.
func (a *Agent) etc(w *worker) map[string]string {
	pod := w.pod()
	hosts := fmt.Sprintf("127.0.0.1\tlocalhost\n%s\t%s\n", w.ip, pod.Name)
	for _, alias := range pod.Spec.HostAliases {
		hosts += fmt.Sprintf("%s\t%s\n", alias.IP, strings.Join(alias.Hostnames, " "))
	}
	return map[string]string{
		"/etc/hosts":         hosts,
		"/etc/resolv.conf":   ResolvConf(pod.Namespace),
		"/etc/hostname":      pod.Name + "\n",
		"/etc/nsswitch.conf": "hosts: files dns\n",
		"/etc/passwd":        "root:x:0:0::/:/bin/sh\nistio-proxy:x:1337:1337::/:/bin/sh\napp:x:2000:2000::/:/bin/sh\n",
		"/etc/group":         "root:x:0:\nistio-proxy:x:1337:\napp:x:2000:\n",
	}
}

// ResolvConf is the /etc/resolv.conf of a pod of the namespace, as dnsPolicy ClusterFirst has it.
func ResolvConf(namespace string) string {
	return fmt.Sprintf("nameserver %[1]s\nsearch %[2]s.svc.%[3]s svc.%[3]s %[3]s\noptions ndots:5 timeout:2\n", layout.NodeIP, namespace, layout.Domain)
}

// mounts are the lab's programs, what the images hold, and the container's volumes, parents first.
func (a *Agent) mounts(pod *corev1.Pod, c corev1.Container) ([]container.Mount, error) {
	list := []container.Mount{
		{Source: a.dir.Join("bin"), Target: "/usr/local/bin", ReadOnly: true},
		{Source: a.dir.Share("envoy_bootstrap.json"), Target: "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json", ReadOnly: true},
		{Source: a.dir.Run("pki", "public"), Target: "/etc/ssl/certs", ReadOnly: true},
	}
	var own []container.Mount
	for _, m := range c.VolumeMounts {
		if m.SubPathExpr != "" {
			return nil, fmt.Errorf("volume mount %s: the lab knows no subPathExpr", m.Name)
		}
		own = append(own, container.Mount{Source: a.folder(pod, "volumes", m.Name, filepath.Clean("/"+m.SubPath)), Target: filepath.Clean(m.MountPath)})
	}
	slices.SortFunc(own, func(x, y container.Mount) int { return cmp.Compare(x.Target, y.Target) })
	return append(list, own...), nil
}
