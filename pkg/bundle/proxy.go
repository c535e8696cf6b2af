package bundle

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// proxyID tells the proxies of a bundle from those of loose dumps, which count only where there
// is no bundle.
type proxyID struct {
	loose bool
	pod   kube.Key
}

// proxyPart is a proxy whose members are still arriving.
type proxyPart struct {
	mu      sync.Mutex
	decoder *envoy.Decoder
	stages  map[string]bool
	// parted is set when its config dump came in parts, as a capture writes it.
	parted bool
}

func (a *Assembler) proxy(m member) *proxyPart {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := proxyID{m.layout == dumps, m.pod}
	p := a.proxies[k]
	if p == nil {
		p = &proxyPart{decoder: envoy.NewDecoder(a.interner), stages: map[string]bool{}}
		a.proxies[k] = p
	}
	return p
}

// addProxyFile decodes one file of admin output.
func (a *Assembler) addProxyFile(m member, r io.Reader) error {
	p := a.proxy(m)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stages[m.stage] = true
	p.parted = p.parted || m.layout == ours && strings.HasPrefix(path.Base(m.path), StageConfigDump+"-")
	gap := mesh.Gap{Subject: kube.PodRef(m.pod), Stage: m.stage, Hint: rereadHint}
	if err := p.decode(m, withoutStatus(r)); err != nil {
		return a.lost(gap, fmt.Errorf("%s is read only in part: %w", m.stage, err))
	}
	return nil
}

const rereadHint = "capture this proxy again"

func (p *proxyPart) decode(m member, r io.Reader) error {
	switch m.stage {
	case StageConfigDump:
		if name := resourceName(m.path); name != "" {
			return p.decoder.ConfigResource(name, r)
		}
		return p.decoder.ConfigDump(r)
	case StageClusters:
		return p.decoder.Clusters(r)
	case StageCerts:
		return p.decoder.Certs(r)
	case StageStats:
		return p.decoder.Stats(r)
	default:
		return p.decoder.ServerInfo(r)
	}
}

// resourceName is the list that a config dump was asked for: Envoy prints active and warming
// resources alike, so that only the name of the file tells them apart,
// config_dump-dynamic_warming_secrets.json.
func resourceName(file string) string {
	name := strings.TrimSuffix(strings.TrimPrefix(path.Base(file), StageConfigDump+"-"), ".json")
	if strings.HasPrefix(name, "dynamic_") || strings.HasPrefix(name, "static_") {
		return name
	}
	return ""
}

// withoutStatus drops the HTTP status line "200" that some releases of pilot-agent print before
// the body (seen in must-gather archives).
func withoutStatus(r io.Reader) io.Reader {
	br := bufio.NewReaderSize(r, 64<<10)
	if head, _ := br.Peek(5); bytes.HasPrefix(head, []byte("200\n")) || bytes.HasPrefix(head, []byte("200\r\n")) {
		if _, err := br.ReadSlice('\n'); err != nil {
			return br
		}
	}
	return br
}

// dumpPart is a file that holds one proxy on its own.
type dumpPart struct {
	path  string
	key   kube.Key // from the dump's own node, else from the file's name
	proxy *envoy.Proxy
	err   error
}

// addDump reads a file that may be the dump of one proxy. Files that are something else are
// left alone: a folder may hold anything.
func (a *Assembler) addDump(m member, r io.Reader) error {
	proxy, kind, err := envoy.DecodeAny(withoutStatus(r), a.interner)
	if kind == envoy.KindOther || proxy == nil {
		return nil
	}
	d := dumpPart{path: m.path, key: dumpKey(m.path, proxy), proxy: proxy, err: err}
	a.locked(func() { a.dumps = append(a.dumps, d) })
	return err
}

// takeDumps makes proxies of the dumps. A second dump of the same proxy is a gap.
func (a *Assembler) takeDumps(into map[kube.Key]*envoy.Proxy) {
	slices.SortFunc(a.dumps, func(x, y dumpPart) int { return bytes.Compare([]byte(x.path), []byte(y.path)) })
	for _, d := range a.dumps {
		gap := mesh.Gap{Subject: kube.PodRef(d.key), Stage: StageConfigDump}
		if d.err != nil {
			gap.Hint = rereadHint
			a.lostLocked(gap, fmt.Errorf("%s is read only in part: %w", d.path, d.err))
		}
		switch {
		case into[d.key] != nil:
			gap.Hint = "keep one file of each proxy"
			a.lostLocked(gap, fmt.Errorf("%s is a second dump of the same proxy and not read", d.path))
		case readable(d.proxy):
			into[d.key] = d.proxy
		}
	}
}

// readable reports whether anything is known of a proxy.
func readable(p *envoy.Proxy) bool { return p.Read != 0 || p.Node.ID != "" || p.Node.Type != "" }
