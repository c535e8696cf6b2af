package node

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// contents is the files of a volume, by path in it.
type contents map[string][]byte

// writeVolumes makes the pod's volumes, or brings them up to date.
func (a *Agent) writeVolumes(ctx context.Context, pod *corev1.Pod) error {
	for _, v := range pod.Spec.Volumes {
		files, err := a.volume(ctx, pod, v)
		if err == nil {
			err = write(a.folder(pod, "volumes", v.Name), files)
		}
		if err != nil {
			return fmt.Errorf("volume %s: %w", v.Name, err)
		}
	}
	return nil
}

func (a *Agent) volume(ctx context.Context, pod *corev1.Pod, v corev1.Volume) (contents, error) {
	switch {
	case v.EmptyDir != nil:
		return a.emptyDir(pod, v)
	case v.ConfigMap != nil:
		return a.fromConfigMap(ctx, pod, v.ConfigMap.Name, v.ConfigMap.Items, v.ConfigMap.Optional)
	case v.Secret != nil:
		return a.fromSecret(ctx, pod, v.Secret.SecretName, v.Secret.Items, v.Secret.Optional)
	case v.DownwardAPI != nil:
		return downward(pod, v.DownwardAPI.Items)
	case v.Projected != nil:
		return a.projected(ctx, pod, v.Projected.Sources)
	default:
		return nil, fmt.Errorf("the lab knows emptyDir, configMap, secret, downwardAPI and projected only")
	}
}

func (a *Agent) projected(ctx context.Context, pod *corev1.Pod, sources []corev1.VolumeProjection) (contents, error) {
	all := contents{}
	for _, s := range sources {
		var files contents
		var err error
		switch {
		case s.ServiceAccountToken != nil:
			files, err = a.token(ctx, pod, s.ServiceAccountToken)
		case s.ConfigMap != nil:
			files, err = a.fromConfigMap(ctx, pod, s.ConfigMap.Name, s.ConfigMap.Items, s.ConfigMap.Optional)
		case s.Secret != nil:
			files, err = a.fromSecret(ctx, pod, s.Secret.Name, s.Secret.Items, s.Secret.Optional)
		case s.DownwardAPI != nil:
			files, err = downward(pod, s.DownwardAPI.Items)
		default:
			err = fmt.Errorf("a projected source that the lab does not know")
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(all, files)
	}
	return all, nil
}

// token is asked for anew every time, so that the file never holds an old one.
func (a *Agent) token(ctx context.Context, pod *corev1.Pod, p *corev1.ServiceAccountTokenProjection) (contents, error) {
	request := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{
		ExpirationSeconds: p.ExpirationSeconds,
		BoundObjectRef:    &authv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID},
	}}
	if p.Audience != "" {
		request.Spec.Audiences = []string{p.Audience}
	}
	made, err := a.client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, pod.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return contents{p.Path: []byte(made.Status.Token)}, nil
}

func (a *Agent) fromConfigMap(ctx context.Context, pod *corev1.Pod, name string, items []corev1.KeyToPath, optional *bool) (contents, error) {
	m, err := a.client.CoreV1().ConfigMaps(pod.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return contents{}, nil
	}
	if err != nil {
		return nil, err
	}
	all := contents{}
	for k, v := range m.Data {
		all[k] = []byte(v)
	}
	maps.Copy(all, m.BinaryData)
	return pick(all, items)
}

func (a *Agent) fromSecret(ctx context.Context, pod *corev1.Pod, name string, items []corev1.KeyToPath, optional *bool) (contents, error) {
	s, err := a.client.CoreV1().Secrets(pod.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return contents{}, nil
	}
	if err != nil {
		return nil, err
	}
	return pick(s.Data, items)
}

// pick keeps the items, at their paths; without items, all.
func pick(all contents, items []corev1.KeyToPath) (contents, error) {
	if len(items) == 0 {
		return all, nil
	}
	picked := contents{}
	for _, i := range items {
		value, ok := all[i.Key]
		if !ok {
			return nil, fmt.Errorf("no key %s", i.Key)
		}
		picked[i.Path] = value
	}
	return picked, nil
}

func downward(pod *corev1.Pod, items []corev1.DownwardAPIVolumeFile) (contents, error) {
	files := contents{}
	for _, i := range items {
		if i.FieldRef == nil {
			return nil, fmt.Errorf("file %s: the lab knows fieldRef only", i.Path)
		}
		value, err := field(pod, "", i.FieldRef.FieldPath)
		if err != nil {
			return nil, err
		}
		files[i.Path] = []byte(value)
	}
	return files, nil
}

// quoted is a map as the kubelet writes labels and annotations to a file.
func quoted(m map[string]string) string {
	lines := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, fmt.Sprintf("%s=%q", k, m[k]))
	}
	return strings.Join(lines, "\n")
}

// write puts the files into dir, each in one step, and removes what is no longer there.
// A nil contents leaves the files alone: an emptyDir is the containers'.
func write(dir string, files contents) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if files == nil {
		return os.Chmod(dir, 0o777)
	}
	keep := map[string]bool{}
	for name, text := range files {
		path := filepath.Clean("/" + name)
		keep[strings.Split(path, "/")[1]] = true
		if err := replace(filepath.Join(dir, path), text); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if keep[e.Name()] || e.IsDir() {
			continue // a directory may be another volume's mount point
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func replace(path string, text []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(path), ".new-"+filepath.Base(path))
	if err := os.WriteFile(temporary, text, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// mounts says whether a volume of the pod shows the ConfigMap.
func mounts(pod *corev1.Pod, configMap string) bool {
	for _, v := range pod.Spec.Volumes {
		if v.ConfigMap != nil && v.ConfigMap.Name == configMap {
			return true
		}
		if v.Projected == nil {
			continue
		}
		for _, s := range v.Projected.Sources {
			if s.ConfigMap != nil && s.ConfigMap.Name == configMap {
				return true
			}
		}
	}
	return false
}
