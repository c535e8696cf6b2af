package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAddresses(t *testing.T) {
	a := newAddresses()
	first, err := a.take()
	if err != nil || first.String() != "10.244.1.1" {
		t.Fatalf("take = %v, %v; want 10.244.1.1", first, err)
	}
	seen := map[string]bool{first.String(): true}
	for range 600 {
		ip, err := a.take()
		if err != nil {
			t.Fatal(err)
		}
		if last := ip[3]; seen[ip.String()] || last == 0 || last == 255 {
			t.Fatalf("%v was given twice or is no host's", ip)
		}
		seen[ip.String()] = true
	}
	a.release(first)
	if ip, err := a.take(); err != nil || ip.Equal(first) {
		t.Errorf("take = %v, %v: an address that was just released comes last", ip, err)
	}
}

func TestPhase(t *testing.T) {
	running := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	waiting := corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}}
	crashing := waiting
	crashing.RestartCount = 1
	ended := func(code int32) corev1.ContainerStatus {
		return corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}}
	}
	type list = []corev1.ContainerStatus
	tests := []struct {
		name       string
		policy     corev1.RestartPolicy
		init, main list
		want       corev1.PodPhase
	}{
		{"starting", corev1.RestartPolicyAlways, nil, list{waiting}, corev1.PodPending},
		{"one of two", corev1.RestartPolicyAlways, nil, list{running, waiting}, corev1.PodPending},
		{"running", corev1.RestartPolicyAlways, nil, list{running, running}, corev1.PodRunning},
		{"crash loop", corev1.RestartPolicyAlways, nil, list{running, crashing}, corev1.PodRunning},
		{"just ended, to start again", corev1.RestartPolicyAlways, nil, list{ended(1)}, corev1.PodRunning},
		{"job done", corev1.RestartPolicyNever, nil, list{ended(0)}, corev1.PodSucceeded},
		{"job failed", corev1.RestartPolicyNever, nil, list{ended(0), ended(3)}, corev1.PodFailed},
		{"init failed", corev1.RestartPolicyNever, list{ended(1)}, list{waiting}, corev1.PodFailed},
		{"init fails, tried again", corev1.RestartPolicyAlways, list{ended(1)}, list{waiting}, corev1.PodPending},
	}
	for _, test := range tests {
		if got := phase(test.policy, test.init, test.main); got != test.want {
			t.Errorf("%s: phase = %s, want %s", test.name, got, test.want)
		}
	}
}

func TestTailStart(t *testing.T) {
	for _, test := range []struct {
		text string
		n    int
		want string
	}{
		{"a\nb\nc\n", 2, "b\nc\n"},
		{"a\nb\nc", 1, "c"},
		{"a\nb\n", 5, "a\nb\n"},
		{"a\nb\n", 0, ""},
		{"", 3, ""},
	} {
		if got := test.text[tailStart([]byte(test.text), test.n):]; got != test.want {
			t.Errorf("last %d lines of %q = %q, want %q", test.n, test.text, got, test.want)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "volume")
	if err := write(dir, contents{"a": []byte("1"), "b": []byte("2")}); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "mounted"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := write(dir, contents{"a": []byte("3"), "sub/c": []byte("4"), "../../d": []byte("5")}); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		got[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "3", "sub/c": "4", "d": "5"}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if !exists(filepath.Join(dir, "mounted")) {
		t.Error("a directory that may be another volume's mount point was removed")
	}
}

func TestMounts(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Volumes: []corev1.Volume{
		{VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "direct"}}}},
		{VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "projected"}}},
		}}}},
	}}}
	for name, want := range map[string]bool{"direct": true, "projected": true, "other": false} {
		if got := mounts(pod, name); got != want {
			t.Errorf("mounts(%s) = %t, want %t", name, got, want)
		}
	}
}

func TestWorkload(t *testing.T) {
	owned := func(kind, name, hash string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod", Labels: map[string]string{"pod-template-hash": hash}, OwnerReferences: []metav1.OwnerReference{{Kind: kind, Name: name, Controller: new(true)}}}}
	}
	for want, pod := range map[string]*corev1.Pod{
		"server": owned("ReplicaSet", "server-5f6b", "5f6b"),
		"db":     owned("StatefulSet", "db", ""),
		"pod":    {ObjectMeta: metav1.ObjectMeta{Name: "pod"}},
	} {
		if got := workload(pod); got != want {
			t.Errorf("workload = %q, want %q", got, want)
		}
	}
}

func TestChosen(t *testing.T) {
	id := netlink.SocketID{SourcePort: 40000, DestinationPort: 15012}
	for _, test := range []struct {
		only, spare []uint16
		want        bool
	}{
		{nil, nil, true},
		{nil, []uint16{15012}, false},
		{nil, []uint16{80}, true},
		{[]uint16{15012}, nil, true},
		{[]uint16{80}, nil, false},
	} {
		if got := chosen(id, test.only, test.spare); got != test.want {
			t.Errorf("chosen(only %v, spare %v) = %t, want %t", test.only, test.spare, got, test.want)
		}
	}
}
