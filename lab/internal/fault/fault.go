// Package fault breaks a pod's proxy in ways that no manifest can, and mends it again. Faults
// that a manifest can say (annotations, labels, hostNetwork, policies) are manifests' business;
// a foreign root is the annotation node.ForeignCA.
package fault

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/api"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/client"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
)

// XDSPort is istiod's port for proxies: configuration and certificates.
const XDSPort = 15012

const (
	envoy     = "envoy"
	adminPort = 15000
	appPort   = 8080
)

// Fault is one way to break a proxy.
type Fault struct {
	Name, Help string
	// Break and Mend act on a pod with a proxy.
	Break, Mend func(ctx context.Context, lab *client.Client, pod node.PodInfo) error
}

// All are the faults, by name.
func All() []Fault {
	return []Fault{
		{"freeze-proxy", "Envoy stops (SIGSTOP): connections open and nothing answers", signal(envoy, syscall.SIGSTOP), signal(envoy, syscall.SIGCONT)},
		{"freeze-agent", "pilot-agent stops (SIGSTOP): no new certificates, Envoy goes on", signal("", syscall.SIGSTOP), signal("", syscall.SIGCONT)},
		{"kill-proxy", "the proxy's container is killed and stays down", hold(true), hold(false)},
		{"cut-istiod", "no way to istiod: connections to port 15012 are reset", cut, uncut},
		{"hang-admin", "the admin port takes connections and never answers", firewall("-I", hang...), firewall("-D", hang...)},
		{"drop-8080", "calls to port 8080 get no answer, as when a NetworkPolicy shuts them out", firewall("-I", shut...), firewall("-D", shut...)},
	}
}

// Find is the fault of the name.
func Find(name string) (Fault, error) {
	var names []string
	for _, f := range All() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Fault{}, fmt.Errorf("no fault %q; there are %s", name, strings.Join(names, ", "))
}

func signal(program string, s syscall.Signal) func(context.Context, *client.Client, node.PodInfo) error {
	return func(ctx context.Context, lab *client.Client, pod node.PodInfo) error {
		return lab.Signal(ctx, pod, node.ProxyContainer, program, s)
	}
}

func hold(held bool) func(context.Context, *client.Client, node.PodInfo) error {
	return func(ctx context.Context, lab *client.Client, pod node.PodInfo) error {
		return lab.Hold(ctx, pod, node.ProxyContainer, held)
	}
}

// noWay refuses new connections to istiod. Packets of an old one pass: the reset that ends it must.
var noWay = []string{"OUTPUT", "-p", "tcp", "--syn", "--dport", strconv.Itoa(XDSPort), "-j", "REJECT", "--reject-with", "tcp-reset"}

// hang lets a connection be made and drops what is sent on it: the packets of the handshake
// carry no data, and are at most 60 bytes long.
var hang = []string{"INPUT", "-i", "lo", "-p", "tcp", "--dport", strconv.Itoa(adminPort), "-m", "length", "--length", "61:65535", "-j", "DROP"}

// shut drops what would begin a connection to the application's port, before it is led to the proxy.
var shut = []string{"PREROUTING", "-t", "mangle", "-p", "tcp", "--syn", "--dport", strconv.Itoa(appPort), "-j", "DROP"}

func cut(ctx context.Context, lab *client.Client, pod node.PodInfo) error {
	if err := firewall("-I", noWay...)(ctx, lab, pod); err != nil {
		return err
	}
	return lab.CutOnly(ctx, pod, XDSPort)
}

func uncut(ctx context.Context, lab *client.Client, pod node.PodInfo) error {
	return firewall("-D", noWay...)(ctx, lab, pod)
}

// firewall inserts or deletes a rule in the pod's network.
func firewall(verb string, rule ...string) func(context.Context, *client.Client, node.PodInfo) error {
	return func(ctx context.Context, lab *client.Client, pod node.PodInfo) error {
		args := append([]string{"iptables", "--wait", verb}, rule...)
		done, err := lab.Exec(ctx, pod, api.Exec{Container: node.ProxyContainer, Args: args})
		if err != nil {
			return err
		}
		if done.Code != 0 {
			return fmt.Errorf("iptables in %s/%s: %s", pod.Namespace, pod.Name, done.Stderr)
		}
		return nil
	}
}
