package mesh

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/client/clienttest"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/kube"
)

const (
	istiodPod = `{"Namespace":"istio-system","Name":"istiod-1","Labels":{"app":"istiod"},"Ready":true}`
	configz   = "/pods/istio-system/istiod-1/http/15014/debug/configz"
	held      = `[{"apiVersion":"security.istio.io/v1","kind":"PeerAuthentication","metadata":{"namespace":"shop","name":"default","resourceVersion":"7"}}]`
)

func policy(version string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
		"metadata": map[string]any{"namespace": "shop", "name": "default", "resourceVersion": version},
	}}
}

// meshOf is a mesh in which the API server has the objects and one policy of version 7.
func meshOf(lab *clienttest.Lab, objects ...runtime.Object) Mesh {
	r := schema.GroupVersionResource{Group: "security.istio.io", Version: "v1", Resource: "peerauthentications"}
	kinds := map[schema.GroupVersionResource]string{r: "PeerAuthenticationList"}
	return Mesh{
		Kube: &kube.Client{
			Interface: withIstio{fake.NewClientset(objects...)},
			Dynamic:   dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, policy("7")),
		},
		Lab: lab.Client,
	}
}

// withIstio knows PeerAuthentications.
type withIstio struct{ kubernetes.Interface }

func (withIstio) Discovery() discovery.DiscoveryInterface { return istioKinds{} }

type istioKinds struct{ discovery.DiscoveryInterface }

func (istioKinds) ServerPreferredResources() ([]*metav1.APIResourceList, error) {
	return []*metav1.APIResourceList{
		{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{{Name: "deployments"}}},
		{GroupVersion: "security.istio.io/v1", APIResources: []metav1.APIResource{{Name: "peerauthentications"}, {Name: "peerauthentications/status"}}},
	}, nil
}

func TestSettled(t *testing.T) {
	name := metav1.ObjectMeta{Namespace: "shop", Name: "server", Generation: 2}
	one := new(int32(1))
	deployment := func(s appsv1.DeploymentStatus) *appsv1.Deployment {
		return &appsv1.Deployment{ObjectMeta: name, Spec: appsv1.DeploymentSpec{Replicas: one}, Status: s}
	}
	set := func(s appsv1.StatefulSetStatus) *appsv1.StatefulSet {
		return &appsv1.StatefulSet{ObjectMeta: name, Spec: appsv1.StatefulSetSpec{Replicas: one}, Status: s}
	}
	running := &corev1.Pod{ObjectMeta: name, Status: corev1.PodStatus{
		Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}}
	leaving := running.DeepCopy()
	leaving.DeletionTimestamp, leaving.Finalizers = new(metav1.Now()), []string{"a/b"}
	going := deployment(appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1})
	going.DeletionTimestamp, going.Finalizers = new(metav1.Now()), []string{metav1.FinalizerDeleteDependents}
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", DeletionTimestamp: new(metav1.Now()), Finalizers: []string{"kubernetes"}}}
	tests := []struct {
		name   string
		object runtime.Object
		held   string
		except []string
		want   string
	}{
		{"all is there", running, held, nil, ""},
		{"a Deployment is there", deployment(appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1}), held, nil, ""},
		{"a Deployment was changed", deployment(appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1}), held, nil, "deployment shop/server"},
		{"an old pod of it goes on", deployment(appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 1}), held, nil, "deployment shop/server"},
		{"a Deployment goes with its pods", going, held, nil, "deployment shop/server"},
		{"a StatefulSet has no new pod", set(appsv1.StatefulSetStatus{ObservedGeneration: 2, Replicas: 1}), held, nil, "StatefulSet shop/server"},
		{"a pod begins", &corev1.Pod{ObjectMeta: name, Status: corev1.PodStatus{Phase: corev1.PodPending}}, held, nil, "pod shop/server"},
		{"a pod goes", leaving, held, nil, "pod shop/server"},
		{"a pod that nobody waits for goes", leaving, held, []string{"shop/server"}, ""},
		{"a namespace goes", space, held, nil, "namespace shop"},
		{"istiod has an older version", running, strings.Replace(held, `"7"`, `"6"`, 1), nil, "has not read"},
		{"istiod has read nothing", running, "[]", nil, "has not read"},
		{"istiod does not answer", running, "", nil, "configz"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lab := clienttest.New(t, map[string]string{"/pods": "[" + istiodPod + "]", configz: tt.held})
			unready, err := meshOf(lab, tt.object).settled(t.Context(), tt.except)
			if len(unready) > 0 {
				t.Errorf("unready: %q", unready)
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestUnready(t *testing.T) {
	lab := clienttest.New(t, map[string]string{"/pods": "[" + istiodPod + "]", configz: held})
	pod := func(name string, s corev1.PodStatus) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Status: s}
	}
	got, err := meshOf(lab, pod("a", corev1.PodStatus{Phase: corev1.PodRunning}), pod("job", corev1.PodStatus{Phase: corev1.PodSucceeded})).settled(t.Context(), nil)
	if diff := cmp.Diff([]string{"shop/a"}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestMissing(t *testing.T) {
	const proxy = `"Containers":[{"Name":"istio-proxy","Running":true}]`
	lab := clienttest.New(t, map[string]string{"/pods": `[
		{"Namespace":"shop","Name":"a",` + proxy + `}, {"Namespace":"shop","Name":"b",` + proxy + `},
		{"Namespace":"shop","Name":"cut",` + proxy + `}, {"Namespace":"shop","Name":"over","Ended":true,` + proxy + `},
		{"Namespace":"legacy","Name":"naked","Containers":[{"Name":"app","Running":true}]}]`})
	got, err := meshOf(lab).missing(t.Context(), []syncStatus{{Proxy: "a.shop"}}, []string{"shop/cut"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b.shop"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestConfigs(t *testing.T) {
	m := meshOf(clienttest.New(t, nil))
	got, err := m.Configs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (Object{"security.istio.io", "PeerAuthentication", "shop", "default"}); !slices.Equal([]Object{want}, objectsOf(got)) {
		t.Errorf("%v, want %v", objectsOf(got), want)
	}
}

func objectsOf(list []*unstructured.Unstructured) []Object {
	var all []Object
	for _, o := range list {
		all = append(all, ObjectOf(o))
	}
	return all
}
