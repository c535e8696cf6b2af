package node

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/health"
)

// quickly is how often a probe that has never succeeded is made, at most: a lab has no time to
// lose at the start. The deadline that the spec gives stays.
const quickly = 200 * time.Millisecond

// probe runs the probes of one run of the container, until ctx ends: the startup probe, then
// readiness and liveness.
func (k *keeper) probe(ctx context.Context) {
	if !k.startup(ctx) {
		return
	}
	k.set(func() { k.started = true })
	if k.spec.LivenessProbe != nil {
		go k.liveness(ctx, k.spec.LivenessProbe)
	}
	k.readiness(ctx, k.spec.ReadinessProbe)
}

func (k *keeper) startup(ctx context.Context) bool {
	p := k.spec.StartupProbe
	if p == nil {
		return true
	}
	deadline := time.Now().Add(period(p) * time.Duration(cmp.Or(p.FailureThreshold, 3)))
	for sleep(ctx, min(quickly, period(p))) {
		if k.try(ctx, p) == nil {
			return true
		}
		if time.Now().After(deadline) {
			k.kill("startup probe")
			return false
		}
	}
	return false
}

func (k *keeper) readiness(ctx context.Context, p *corev1.Probe) {
	if p == nil {
		k.set(func() { k.ready = true })
		return
	}
	wait, failed, passed, ever := time.Duration(p.InitialDelaySeconds)*time.Second, int32(0), int32(0), false
	for sleep(ctx, wait) {
		if k.try(ctx, p) == nil {
			failed, passed = 0, passed+1
		} else {
			failed, passed = failed+1, 0
		}
		switch {
		case passed >= cmp.Or(p.SuccessThreshold, 1):
			ever = true
			k.setReady(ctx, true)
		case failed >= cmp.Or(p.FailureThreshold, 3):
			k.setReady(ctx, false)
		}
		if wait = period(p); !ever {
			wait = min(wait, quickly)
		}
	}
}

func (k *keeper) setReady(ctx context.Context, ready bool) {
	if ctx.Err() != nil {
		return
	}
	k.mu.Lock()
	same := k.ready == ready
	k.mu.Unlock()
	if !same {
		k.set(func() { k.ready = ready })
	}
}

func (k *keeper) liveness(ctx context.Context, p *corev1.Probe) {
	failed := int32(0)
	for sleep(ctx, time.Duration(p.InitialDelaySeconds)*time.Second); sleep(ctx, period(p)); {
		if k.try(ctx, p) == nil {
			failed = 0
			continue
		}
		if failed++; failed >= cmp.Or(p.FailureThreshold, 3) {
			k.kill("liveness probe")
			return
		}
	}
}

func (k *keeper) kill(why string) {
	k.w.log.Warn("kill", "container", k.spec.Name, "because of", why)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.process != nil {
		_ = k.process.Kill()
	}
}

func period(p *corev1.Probe) time.Duration {
	return time.Duration(cmp.Or(p.PeriodSeconds, 10)) * time.Second
}

// try makes the probe once, from the node's address.
func (k *keeper) try(ctx context.Context, p *corev1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(cmp.Or(p.TimeoutSeconds, 1))*time.Second)
	defer cancel()
	ip := k.w.ip.String()
	switch {
	case p.HTTPGet != nil:
		return k.tryHTTP(ctx, ip, p.HTTPGet)
	case p.TCPSocket != nil:
		return tryTCP(ctx, net.JoinHostPort(cmp.Or(p.TCPSocket.Host, ip), k.port(p.TCPSocket.Port)))
	case p.GRPC != nil:
		return tryGRPC(ctx, net.JoinHostPort(ip, strconv.Itoa(int(p.GRPC.Port))), ptr.Deref(p.GRPC.Service, ""))
	case p.Exec != nil:
		return k.exec(ctx, p.Exec.Command, streams{})
	default:
		return errors.New("a probe without an action")
	}
}

// port is a number, or the number of the port of that name.
func (k *keeper) port(p intstr.IntOrString) string {
	for _, c := range k.spec.Ports {
		if p.Type == intstr.String && c.Name == p.StrVal {
			return strconv.Itoa(int(c.ContainerPort))
		}
	}
	return p.String()
}

func (k *keeper) tryHTTP(ctx context.Context, ip string, get *corev1.HTTPGetAction) error {
	scheme := "http"
	if get.Scheme == corev1.URISchemeHTTPS {
		scheme = "https"
	}
	url := fmt.Sprintf("%s://%s/%s", scheme, net.JoinHostPort(cmp.Or(get.Host, ip), k.port(get.Port)), trimSlash(get.Path))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "kube-probe/1.36")
	for _, h := range get.HTTPHeaders {
		req.Header.Set(h.Name, h.Value)
		if http.CanonicalHeaderKey(h.Name) == "Host" {
			req.Host = h.Value
		}
	}
	// The kubelet does not verify certificates either, and opens a connection for every probe.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode >= 400 {
		return fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	return nil
}

func trimSlash(path string) string {
	if len(path) > 0 && path[0] == '/' {
		return path[1:]
	}
	return path
}

func tryTCP(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func tryGRPC(ctx context.Context, address, service string) error {
	req, err := health.Request(ctx, address, service, "")
	if err != nil {
		return err
	}
	transport := health.Transport()
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return health.Check(resp)
}
