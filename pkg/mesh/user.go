package mesh

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// proxyID is the user and group as which the proxy runs unless the platform says otherwise.
const proxyID = "1337"

// AsProxy is the field of a container's security context, "runAsUser" or "runAsGroup", by which iptables takes what the
// container sends for the proxy's own traffic and lets it out untouched; "" when it does not
// (istio.io/docs/ops/deployment/application-requirements), or the pod has no proxy. id is the user or group.
func AsProxy(pod *kube.Pod, c *kube.Container) (field string, id int64) {
	proxy := pod.Container(kube.ProxyContainer)
	if proxy == nil {
		return "", 0
	}
	args := map[string]string{}
	if init := initContainer(pod); init != nil {
		args = captureArgs(init.Args)
	}
	for _, x := range []struct {
		field, args string
		of          func(*kube.SecurityContext) *int64
	}{
		{"runAsUser", args["uid"], func(s *kube.SecurityContext) *int64 { return s.RunAsUser }},
		{"runAsGroup", cmp.Or(args["gid"], args["uid"]), func(s *kube.SecurityContext) *int64 { return s.RunAsGroup }},
	} {
		own := identityOf(pod, c, x.of)
		if own != nil && slices.Contains(ruled(x.args, identityOf(pod, proxy, x.of)), strconv.FormatInt(*own, 10)) {
			return x.field, *own
		}
	}
	return "", 0
}

// ruled are the users or groups that the rules of iptables let out: those of the arguments of istio-iptables, where the
// group is the user's unless it is given, and without them, as istio-cni has it, the proxy's, or 1337 where that runs as
// root (tools/istio-iptables/pkg/config and cni/pkg/plugin of Istio).
func ruled(args string, proxys *int64) []string {
	switch {
	case args != "":
		return strings.FieldsFunc(args, func(c rune) bool { return c == ',' || c == ' ' })
	case proxys == nil || *proxys == 0:
		return []string{proxyID}
	}
	return []string{strconv.FormatInt(*proxys, 10)}
}

// identityOf is the user or group that a container, or else its pod, names; nil when neither does.
func identityOf(pod *kube.Pod, c *kube.Container, of func(*kube.SecurityContext) *int64) *int64 {
	for _, s := range []*kube.SecurityContext{c.SecurityContext, pod.Spec.SecurityContext} {
		if s != nil && of(s) != nil {
			return of(s)
		}
	}
	return nil
}

// runsAsProxy reports whether all containers of a pod's application send as the proxy does. Of some that do, and others
// that do not, nobody knows which of them calls.
func runsAsProxy(pod *kube.Pod) bool {
	found := false
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		if c.Name == kube.ProxyContainer {
			continue
		}
		if field, _ := AsProxy(pod, c); field == "" {
			return false
		}
		found = true
	}
	return found
}
