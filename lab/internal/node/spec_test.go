package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestExpand(t *testing.T) {
	e := environment{values: map[string]string{}}
	e.set("NS", "shop")
	e.set("EMPTY", "")
	for in, want := range map[string]string{
		"":                              "",
		"plain":                         "plain",
		"$(NS).svc.cluster.local":       "shop.svc.cluster.local",
		"a$(EMPTY)b":                    "ab",
		"$(UNKNOWN)":                    "$(UNKNOWN)",
		"$$(NS)":                        "$(NS)",
		"$NS $( $(NS":                   "$NS $( $(NS",
		"cost: 5$":                      "cost: 5$",
		"$(NS)$(NS)":                    "shopshop",
		"--proxy=$(NS)/$(ISTIO) --x=$$": "--proxy=shop/$(ISTIO) --x=$",
	} {
		if got := e.expand(in); got != want {
			t.Errorf("expand(%q) = %q, want %q", in, got, want)
		}
	}
}

// The arguments of the injected init container reach pilot-agent unchanged, an empty one among them.
func TestArguments(t *testing.T) {
	none := environment{values: map[string]string{}}
	tests := map[string]struct {
		container corev1.Container
		want      []string
	}{
		"istio-init": {
			corev1.Container{Image: "registry.example/proxyv2:latest", Args: []string{"istio-iptables", "-p", "15001", "-x", "", "-d", "15090,15021"}},
			[]string{"/usr/local/bin/pilot-agent", "istio-iptables", "-p", "15001", "-x", "", "-d", "15090,15021"},
		},
		"istiod": {
			corev1.Container{Image: "pilot", Args: []string{"discovery"}},
			[]string{"/usr/local/bin/pilot-discovery", "discovery"},
		},
		"an app by its ports": {
			corev1.Container{Image: "anything", Ports: []corev1.ContainerPort{{Name: "tcp", ContainerPort: 9000}, {ContainerPort: 8080}}},
			[]string{"/usr/local/bin/app", "serve", "tcp:9000", "http:8080"},
		},
		"an app by its arguments": {
			corev1.Container{Image: "app", Args: []string{"serve", "mysql:3306"}, Ports: []corev1.ContainerPort{{ContainerPort: 8080}}},
			[]string{"/usr/local/bin/app", "serve", "mysql:3306"},
		},
		"a command": {
			corev1.Container{Image: "app", Command: []string{"sleep"}, Args: []string{"9"}},
			[]string{"sleep", "9"},
		},
	}
	for name, test := range tests {
		if diff := cmp.Diff(test.want, arguments(test.container, none)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestIdentity(t *testing.T) {
	pod := func(user *int64) *corev1.Pod {
		return &corev1.Pod{Spec: corev1.PodSpec{SecurityContext: &corev1.PodSecurityContext{RunAsUser: user}}}
	}
	container := func(image string, user, group *int64) corev1.Container {
		return corev1.Container{Image: image, SecurityContext: &corev1.SecurityContext{RunAsUser: user, RunAsGroup: group}}
	}
	tests := map[string]struct {
		pod       *corev1.Pod
		container corev1.Container
		uid, gid  int
	}{
		"an app":                {pod(nil), container("app", nil, nil), 2000, 2000},
		"a proxy":               {pod(nil), container("x/proxyv2", nil, nil), 1337, 1337},
		"root, said so":         {pod(nil), container("x/proxyv2", new(int64(0)), new(int64(0))), 0, 0},
		"the pod's":             {pod(new(int64(5))), container("app", nil, nil), 5, 5},
		"the container's first": {pod(new(int64(5))), container("app", new(int64(6)), new(int64(7))), 6, 7},
	}
	for name, test := range tests {
		if uid, gid := identity(test.pod, test.container); uid != test.uid || gid != test.gid {
			t.Errorf("%s: identity = %d, %d; want %d, %d", name, uid, gid, test.uid, test.gid)
		}
	}
}

func TestField(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "server-0", Labels: map[string]string{"b": "2", "a": `say "hi"`}},
		Spec:       corev1.PodSpec{NodeName: "node-0", ServiceAccountName: "server"},
	}
	for path, want := range map[string]string{
		"metadata.name": "server-0", "metadata.namespace": "shop", "spec.serviceAccountName": "server", "status.podIP": "10.244.1.2",
		"metadata.labels['b']": "2", "metadata.labels['c']": "", "metadata.labels": "a=\"say \\\"hi\\\"\"\nb=\"2\"",
	} {
		if got, err := field(pod, "10.244.1.2", path); err != nil || got != want {
			t.Errorf("field(%s) = %q, %v; want %q", path, got, err, want)
		}
	}
	if got, err := field(pod, "", "spec.nonsense"); err == nil {
		t.Errorf("field(spec.nonsense) = %q, want an error", got)
	}
}

func TestResourceField(t *testing.T) {
	c := corev1.Container{Resources: corev1.ResourceRequirements{
		Limits:   corev1.ResourceList{"cpu": resource.MustParse("1500m"), "memory": resource.MustParse("1Gi")},
		Requests: corev1.ResourceList{"cpu": resource.MustParse("100m")},
	}}
	for ref, want := range map[corev1.ResourceFieldSelector]string{
		{Resource: "limits.cpu"}:                                        "2", // rounded up
		{Resource: "limits.memory"}:                                     "1073741824",
		{Resource: "limits.memory", Divisor: resource.MustParse("1Mi")}: "1024",
		{Resource: "requests.cpu", Divisor: resource.MustParse("1m")}:   "100",
	} {
		if got, err := resourceField(c, &ref); err != nil || got != want {
			t.Errorf("resourceField(%s) = %q, %v; want %q", ref.Resource, got, err, want)
		}
	}
}
