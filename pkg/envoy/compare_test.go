package envoy

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// captures are the folders of the recordings; ENVOY_CAPTURES names more, as a glob pattern.
func captures(t testing.TB) []string {
	t.Helper()
	var folders []string
	for _, pattern := range []string{"testdata/captures/*/config_dump.json.gz", os.Getenv("ENVOY_CAPTURES")} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			folders = append(folders, filepath.Dir(file))
		}
	}
	if len(folders) < 7 {
		t.Fatalf("only %d recordings found", len(folders))
	}
	return folders
}

// captured gives one file of a recording.
func captured(t testing.TB, folder, name string) []byte {
	t.Helper()
	path := filepath.Join(folder, name+".json")
	if plain, err := os.ReadFile(path); err == nil {
		return plain
	}
	packed, err := os.Open(path + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func decodeDump(t testing.TB, text []byte) *Proxy {
	t.Helper()
	d := NewDecoder(nil)
	if err := d.ConfigDump(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return d.Proxy()
}

func decodeCapture(t testing.TB, folder string) *Proxy {
	t.Helper()
	d := NewDecoder(NewInterner())
	for _, part := range []struct {
		name string
		read func(io.Reader) error
	}{{"config_dump", d.ConfigDump}, {"clusters", d.Clusters}, {"certs", d.Certs}} {
		if err := part.read(bytes.NewReader(captured(t, folder, part.name))); err != nil {
			t.Fatalf("%s: %v", part.name, err)
		}
	}
	return d.Proxy()
}

func compareProxies(t testing.TB, want, got *Proxy) {
	t.Helper()
	if diff := diffProxies(want, got); diff != "" {
		t.Errorf("-protojson +decoder:\n%s", diff)
	}
}

// compareQuickly spares the long way of go-cmp where the decoder made what it made of the recording,
// which TestDecoderReadsAsProtojson has compared.
func compareQuickly(t testing.TB, asRecorded, want, got *Proxy) {
	t.Helper()
	if !reflect.DeepEqual(asRecorded, got) {
		compareProxies(t, want, got)
	}
}

func diffProxies(want, got *Proxy, more ...cmp.Option) string {
	return cmp.Diff(want, got, append(modelOptions(), more...)...)
}

// modelOptions compare what a model means: certificates by their bytes, sets in any order, the
// reason for an unread certificate only by being there. Proxy.Unmodelled, which counts for people, is
// compared by what the messages themselves name.
func modelOptions() cmp.Options {
	return cmp.Options{
		cmpopts.EquateEmpty(),
		cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{}),
		cmp.Comparer(func(a, b *x509.Certificate) bool { return a.Equal(b) }),
		cmp.Comparer(func(a, b *certs.Bundle) bool {
			return (a == nil) == (b == nil) && a.Fingerprint() == b.Fingerprint() && a.CRL().Fingerprint() == b.CRL().Fingerprint()
		}),
		cmp.Comparer(sameCRL),
		cmpopts.IgnoreFields(Proxy{}, "Unmodelled"),
		cmpopts.SortSlices(func(a, b RBACPolicy) bool { return a.Name < b.Name }),
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Unmodelled" }, setOfStrings),
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Problem" },
			cmp.Comparer(func(a, b string) bool { return (a == "") == (b == "") })),
		cmp.FilterPath(isCriterion, cmp.Comparer(func(a, b string) bool { return criterion(a) == criterion(b) })),
	}
}

// isCriterion finds the values of socket matches.
func isCriterion(p cmp.Path) bool {
	if len(p) < 2 {
		return false
	}
	parent := p.Index(-2).String()
	return parent == ".SocketMatch" || parent == ".Match"
}

// nested stands for a value that is no scalar.
const nested = "{…}"

// criterion gives up on what is no scalar: its JSON can be written in many ways.
func criterion(s string) string {
	if strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		return nested
	}
	return s
}

// setOfStrings compares lists of paths without order and repetitions.
var setOfStrings = cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) > 0 },
	cmp.Transformer("set", func(paths []string) string {
		sorted := slices.Sorted(slices.Values(paths))
		return strings.Join(slices.Compact(sorted), "\n")
	}))

func mentions(notes map[string]int, path string) bool {
	for note := range notes {
		if strings.Contains(note, path) {
			return true
		}
	}
	return false
}
