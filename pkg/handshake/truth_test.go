package handshake

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/racing"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// truthFile is what really happened when each connection of a capture was made.
type truthFile struct {
	Decoy any    `json:"decoy"`
	Pairs []pair `json:"pairs"`
}

type pair struct {
	From struct {
		NS, Pod, Workload string
		Injected          bool
	} `json:"from"`
	To struct {
		Service, Host, Pod, Subset string
		Port                       uint32
	} `json:"to"`
	OK          bool   `json:"ok"`
	MTLS        *bool  `json:"mtls"`
	Error       string `json:"error"`
	ClientFlags string `json:"client_flags"`
	ServerFlags string `json:"server_flags"`
}

// key names a pair in known_wrong.txt.
func (p *pair) key() string {
	return fmt.Sprintf("%s/%s -> %s:%d %s", p.From.NS, p.From.Workload, p.To.Host, p.To.Port, p.To.Service)
}

// noise is a log line of another connection on a reused port.
func (p *pair) noise() bool {
	return p.To.Pod != "" && p.To.Service != "" && !strings.HasPrefix(p.To.Service, "(") && !strings.HasPrefix(p.To.Pod, p.To.Service)
}

// beyond is a connection that failed, but not in TLS: no endpoint, no route, a fault injected,
// refused, timed out, or the application's own answer. Its handshake verdict is free.
func (p *pair) beyond(decoy any) bool {
	if p.OK || !p.From.Injected || strings.Contains(p.ClientFlags+p.ServerFlags, "TLS") ||
		strings.Contains(p.ServerFlags, "rbac") || strings.Contains(p.ServerFlags, "filter_chain_not_found") {
		return false
	}
	for _, f := range []string{"UH", "NR", "FI", "via_upstream"} {
		if strings.HasPrefix(p.ClientFlags, f) {
			return true
		}
	}
	return strings.Contains(p.ServerFlags, "Connection_refused") || (decoy != nil && strings.Contains(p.Error, "timed out"))
}

// agrees reports whether any of the edges' verdicts is what happened.
func (p *pair) agrees(edges []*Edge) bool {
	good := func(v Verdict) bool {
		switch {
		case !p.OK:
			return v == Fails || v == Denied
		case p.MTLS == nil:
			return v.Works()
		case *p.MTLS:
			return v == MTLS
		}
		return v.Works() && v != MTLS
	}
	return slices.ContainsFunc(edges, func(e *Edge) bool { return good(e.Verdict) })
}

// of finds the edges that a pair speaks of.
func (p *pair) of(edges []*Edge) []*Edge {
	narrow := func(list []*Edge, f func(*Edge) bool) []*Edge {
		return slices.DeleteFunc(slices.Clone(list), func(e *Edge) bool { return !f(e) })
	}
	out := narrow(edges, func(e *Edge) bool {
		return e.Client.Namespace == p.From.NS && e.Client.Name == p.From.Pod && e.Server.Name == p.To.Host && e.Server.Port == p.To.Port
	})
	if sub := narrow(out, func(e *Edge) bool { return e.Server.Subset == p.To.Subset }); p.To.Subset != "" && len(sub) > 0 {
		out = sub
	}
	if p.To.Pod == "" {
		return out
	}
	one := narrow(out, func(e *Edge) bool { return e.Server.Pod != nil && e.Server.Pod.Name == p.To.Pod })
	if len(one) == 0 && len(out) == 1 {
		return out
	}
	return one
}

// TestTruth compares the verdict of every pair of every capture with what happened. A wrong
// verdict that can not be mended yet stands in known_wrong.txt with its reason; one that turns
// right must leave it.
func TestTruth(t *testing.T) {
	captures := captureFiles(t)
	known := knownWrong(t)
	var sum score
	byTag := tally{}
	for _, file := range captures {
		name := strings.TrimSuffix(filepath.Base(file), ".tar.gz")
		t.Run(name, func(t *testing.T) {
			s := judge(t, name, file, known, byTag)
			sum.add(s)
			t.Log(s)
		})
	}
	byTag.log(t)
	t.Logf("total: %v", sum)
	for k := range known {
		t.Errorf("known_wrong.txt: no such wrong verdict any more, remove the entry: %s", k)
	}
}

type score struct{ pairs, agree, wrong, unknown, missing, beyond, noise int }

func (s *score) add(o score) {
	s.pairs += o.pairs
	s.agree += o.agree
	s.wrong += o.wrong
	s.unknown += o.unknown
	s.missing += o.missing
	s.beyond += o.beyond
	s.noise += o.noise
}

func (s score) String() string {
	return fmt.Sprintf("pairs %4d  agree %4d  wrong %3d  unknown %3d  missing %3d", s.pairs, s.agree, s.wrong, s.unknown, s.missing)
}

func judge(t *testing.T, name, file string, known map[string]bool, byTag tally) score {
	t.Helper()
	truth := readTruth(t, file)
	snap := mesh.New(sharedCapture(t, file))
	engine, tags := New(snap), newTags(snap)
	edges := engine.Edges(Query{})
	edges = append(edges, outsideRegistry(t, engine, truth, edges)...)
	var s score
	for i := range truth.Pairs {
		p := &truth.Pairs[i]
		if p.noise() {
			s.noise++
			continue
		}
		if p.beyond(truth.Decoy) {
			s.beyond++
			continue
		}
		one, meant := score{pairs: 1}, p.of(edges)
		one.count(t, name, p, meant, known)
		s.add(one)
		if len(meant) > 0 {
			byTag.add(tags.of(meant[0]), one)
		}
	}
	if s.pairs == 0 {
		t.Error("no pair was compared")
	}
	return s
}

func (s *score) count(t *testing.T, name string, p *pair, edges []*Edge, known map[string]bool) {
	t.Helper()
	entry := name + ": " + p.key()
	allUnknown := !slices.ContainsFunc(edges, func(e *Edge) bool { return e.Verdict != Unknown })
	switch {
	case len(edges) == 0:
		s.missing++
		t.Errorf("%s: no such edge", p.key())
	case allUnknown:
		s.unknown++
		t.Errorf("%s: unknown (%s): %s", p.key(), edges[0].Reason, edges[0].Why)
	case p.agrees(edges):
		s.agree++
	case known[entry]:
		s.wrong++
		delete(known, entry)
	default:
		s.wrong++
		t.Errorf("%s\n  happened: ok=%v mtls=%v %s client %q server %q\n  we say:   %s %s: %s",
			p.key(), p.OK, show(p.MTLS), p.Error, p.ClientFlags, p.ServerFlags, edges[0].Verdict, edges[0].Reason, edges[0].Why)
	}
}

func show(b *bool) any {
	if b == nil {
		return "?"
	}
	return *b
}

// outsideRegistry asks one by one for destinations that no Service or ServiceEntry names.
func outsideRegistry(t *testing.T, engine *Engine, truth *truthFile, edges []*Edge) []*Edge {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range edges {
		seen[fmt.Sprintf("%s:%d", e.Server.Name, e.Server.Port)] = true
	}
	var out []*Edge
	for _, p := range truth.Pairs {
		label := fmt.Sprintf("%s:%d", p.To.Host, p.To.Port)
		if seen[label] {
			continue
		}
		seen[label] = true
		target, err := ParseTarget(label)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, engine.EdgesTo(target, Query{})...)
	}
	return out
}

// captureFiles are the recordings that a sweep looks at.
func captureFiles(t testing.TB) []string {
	t.Helper()
	return racing.Some(allCaptureFiles(t))
}

// allCaptureFiles lists the recordings: one fault each in captures, policy sets of many kinds in
// truth. MTLS_DOCTOR_CAPTURES names another folder instead.
func allCaptureFiles(t testing.TB) []string {
	t.Helper()
	dirs := []string{filepath.Join("..", "..", "testdata", "captures"), filepath.Join("..", "..", "testdata", "truth")}
	if dir := os.Getenv("MTLS_DOCTOR_CAPTURES"); dir != "" {
		dirs = []string{dir}
	}
	var out []string
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.tar.gz"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no captures in %s (%v)", dir, err)
		}
		out = append(out, files...)
	}
	return out
}

func readTruth(t *testing.T, file string) *truthFile {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	gz, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(gz); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			t.Fatalf("%s holds no truth.json", file)
		} else if err != nil {
			t.Fatal(err)
		}
		if path.Base(h.Name) != "truth.json" {
			continue
		}
		truth := new(truthFile)
		if err := json.NewDecoder(r).Decode(truth); err != nil {
			t.Fatal(err)
		}
		return truth
	}
}

func knownWrong(t *testing.T) map[string]bool {
	t.Helper()
	data, err := os.ReadFile("known_wrong.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		entry, _, _ := strings.Cut(strings.TrimSpace(line), " # ")
		if entry != "" && !strings.HasPrefix(entry, "#") {
			out[entry] = true
		}
	}
	return out
}
