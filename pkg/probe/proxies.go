package probe

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// plain are the admin endpoints that are copied as they are.
var plain = []struct{ stage, path string }{
	{bundle.StageCerts, "certs"},
	{bundle.StageStats, "stats?format=json&filter=" + statsFilter},
	{bundle.StageClusters, "clusters?format=json"},
}

// statsFilter matches the counters that say something of TLS, of rejected config and of the
// control plane; Istio keeps few of them by default. URL-escaped, RE2 and ECMAScript alike.
const statsFilter = `(%5C.ssl%5C.|%5C.sds%5C.|update_(rejected|failure|success)%24|%5Econtrol_plane%5C.|warming` +
	`|no_filter_chain_match|ssl_context_update|%5Eserver%5C.(state|live|uptime|days_until_first_cert_expiring)%24)`

// readProxies reads all targets, some at a time.
func (c *collection) readProxies(ctx context.Context, targets []target) {
	o := &opener{api: c.api, config: c.Config, exec: c.UseExec}
	count := &counter{to: c.Progress, phase: "proxies", total: len(targets)}
	parallel(c.Concurrency, targets, func(t target) {
		count.started(t.String())
		c.readProxy(ctx, o, t)
		count.finished(t.String())
	})
}

// readProxy reads one proxy. The first failure of its connection is its gap, and ends it.
func (c *collection) readProxy(ctx context.Context, o *opener, t target) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.ProxyTimeout, errProxyTimeout)
	defer cancel()
	p := &proxy{collection: c, target: t}
	a, err := o.open(ctx, t)
	if err != nil {
		p.gap(ctx, StagePortForward, err)
		return
	}
	defer a.close()
	p.read(ctx, a)
}

// proxy is the reading of one proxy.
type proxy struct {
	*collection
	target
}

func (p *proxy) read(ctx context.Context, a admin) {
	version, ok := p.readDump(ctx, a)
	for _, e := range plain {
		ok = ok && p.readPlain(ctx, a, e.stage, e.path)
	}
	if ok && !version {
		p.readPlain(ctx, a, bundle.StageServerInfo, "server_info") // 126 KB, for the version alone
	}
}

// readDump reads the sections of the config dump; ok is false when the connection is lost.
func (p *proxy) readDump(ctx context.Context, a admin) (version, ok bool) {
	for _, s := range sections {
		d, err := openSection(ctx, a, s)
		if err == nil {
			err = p.add(bundle.StageConfigDump+"-"+s.name, func(w *bufio.Writer) error { return d.writeTo(ctx, w) })
			version = version || d.version
		}
		if err != nil && !p.survives(ctx, bundle.StageConfigDump, err) {
			return version, false
		}
		if err == nil && d.whole {
			break
		}
	}
	return version, true
}

// readPlain copies one endpoint; it is false when the connection is lost.
func (p *proxy) readPlain(ctx context.Context, a admin, stage, path string) bool {
	body, err := a.get(ctx, path)
	if err == nil {
		err = p.add(stage, func(w *bufio.Writer) error {
			defer body.Close() //nolint:errcheck // read to its end or given up
			_, err := io.Copy(w, body)
			return err
		})
	}
	return err == nil || p.survives(ctx, stage, err)
}

// add streams one member into the sink and returns why its writing failed. What the sink itself
// finds wrong with the bytes it turns into a gap.
func (p *proxy) add(name string, write func(*bufio.Writer) error) error {
	out, in := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		const window = 64 << 10
		w := bufio.NewWriterSize(in, window)
		err := write(w)
		flushed := w.Flush()
		in.CloseWithError(err)
		if err == nil && !errors.Is(flushed, io.ErrClosedPipe) {
			err = flushed
		}
		failed <- err
	}()
	_ = p.sink.Add("proxies/"+p.Namespace+"/"+p.Name+"/"+name+".json", out) // its own gap
	io.Copy(io.Discard, out)                                                //nolint:errcheck // what the sink left lets the writer end
	return <-failed
}

// survives records the gap of a failure and reports whether the connection can still be used.
func (p *proxy) survives(ctx context.Context, stage string, err error) bool {
	p.gap(ctx, stage, err)
	var status *statusError
	return errors.As(err, &status)
}

func (p *proxy) gap(ctx context.Context, stage string, err error) {
	if errors.Is(err, errRefused) || errors.Is(err, errLost) {
		stage = StagePortForward
	}
	message, hint := explain(ctx, err, p.port, p.ProxyTimeout)
	p.sink.Gap(mesh.Gap{Subject: kube.PodRef(p.Key), Stage: stage, Message: message, Hint: hint})
}
