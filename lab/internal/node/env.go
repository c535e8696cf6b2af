package node

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// environment is a container's variables, in order.
type environment struct {
	names  []string
	values map[string]string
}

func (e *environment) set(name, value string) {
	if _, ok := e.values[name]; !ok {
		e.names = append(e.names, name)
	}
	e.values[name] = value
}

func (e environment) list() []string {
	out := make([]string, 0, len(e.names))
	for _, n := range e.names {
		out = append(out, n+"="+e.values[n])
	}
	return out
}

// expand replaces $(NAME) by the variable, where there is one; $$ stands for $.
func (e environment) expand(s string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(s, "$")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, rest, closed := strings.Cut(strings.TrimPrefix(after, "("), ")")
		value, known := e.values[name]
		switch {
		case strings.HasPrefix(after, "$"):
			out.WriteString("$")
			s = after[1:]
		case strings.HasPrefix(after, "(") && closed && known:
			out.WriteString(value)
			s = rest
		default:
			out.WriteString("$")
			s = after
		}
	}
}

// environment is what the image, the node and the spec set.
func (a *Agent) environment(w *worker, c corev1.Container) (environment, error) {
	e := environment{values: map[string]string{}}
	e.set("PATH", "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin")
	e.set("HOSTNAME", w.pod().Name)
	e.set("HOME", "/")
	e.set("KUBERNETES_SERVICE_HOST", layout.APIServerVIP)
	e.set("KUBERNETES_SERVICE_PORT", "443")
	for _, v := range c.Env {
		value, err := a.variable(w, c, v, e)
		switch {
		case errors.Is(err, errAbsent):
		case err != nil:
			return e, fmt.Errorf("variable %s of container %s: %w", v.Name, c.Name, err)
		default:
			e.set(v.Name, value)
		}
	}
	return e, nil
}

// errAbsent is an optional variable whose source is not there.
var errAbsent = errors.New("absent")

func (a *Agent) variable(w *worker, c corev1.Container, v corev1.EnvVar, e environment) (string, error) {
	from := v.ValueFrom
	switch {
	case from == nil:
		return e.expand(v.Value), nil
	case from.FieldRef != nil:
		return field(w.pod(), w.ip.String(), from.FieldRef.FieldPath)
	case from.ResourceFieldRef != nil:
		return resourceField(c, from.ResourceFieldRef)
	case from.ConfigMapKeyRef != nil:
		return a.configMapKey(w.pod().Namespace, from.ConfigMapKeyRef)
	default:
		return "", errors.New("the lab knows fieldRef, resourceFieldRef and configMapKeyRef only")
	}
}

func (a *Agent) configMapKey(namespace string, ref *corev1.ConfigMapKeySelector) (string, error) {
	m, err := a.client.CoreV1().ConfigMaps(namespace).Get(context.Background(), ref.Name, metav1.GetOptions{})
	optional := ref.Optional != nil && *ref.Optional
	if apierrors.IsNotFound(err) && optional {
		return "", errAbsent
	}
	if err != nil {
		return "", err
	}
	value, ok := m.Data[ref.Key]
	switch {
	case ok:
		return value, nil
	case optional:
		return "", errAbsent
	default:
		return "", fmt.Errorf("ConfigMap %s has no key %s", ref.Name, ref.Key)
	}
}

// field is a field of the pod, by the paths that the downward API allows.
func field(pod *corev1.Pod, ip, path string) (string, error) {
	if name, ok := subscript(path, "metadata.labels"); ok {
		return pod.Labels[name], nil
	}
	if name, ok := subscript(path, "metadata.annotations"); ok {
		return pod.Annotations[name], nil
	}
	fields := map[string]string{
		"metadata.name": pod.Name, "metadata.namespace": pod.Namespace, "metadata.uid": string(pod.UID),
		"metadata.labels": quoted(pod.Labels), "metadata.annotations": quoted(pod.Annotations),
		"spec.nodeName": pod.Spec.NodeName, "spec.serviceAccountName": pod.Spec.ServiceAccountName,
		"status.podIP": ip, "status.podIPs": ip, "status.hostIP": layout.NodeIP, "status.hostIPs": layout.NodeIP,
	}
	value, ok := fields[path]
	if !ok {
		return "", fmt.Errorf("no field %s in the downward API", path)
	}
	return value, nil
}

func subscript(path, of string) (string, bool) {
	rest, ok := strings.CutPrefix(path, of+"['")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "']")
}

// resourceField is a limit or request; a limit that is not set is what the node has.
func resourceField(c corev1.Container, ref *corev1.ResourceFieldSelector) (string, error) {
	kind, name, _ := strings.Cut(ref.Resource, ".")
	list := c.Resources.Limits
	if kind == "requests" {
		list = c.Resources.Requests
	}
	quantity, ok := list[corev1.ResourceName(name)]
	if !ok {
		quantity = nodeStatus("").Allocatable[corev1.ResourceName(name)]
	}
	divisor := ref.Divisor
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	whole := (quantity.MilliValue() + divisor.MilliValue() - 1) / divisor.MilliValue()
	return strconv.FormatInt(whole, 10), nil
}
