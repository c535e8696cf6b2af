//go:build !race

package envoy

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// benchClusters is the size of a large mesh: 10,000 clusters are 39 MB, or 65 MB as Envoy indents them.
const benchClusters = 10_000

// BenchmarkConfigDump decodes a dump of 10,000 clusters. live-MB is the heap that remains: the proxy
// and the interner.
func BenchmarkConfigDump(b *testing.B) {
	for _, bb := range []struct {
		name string
		dump largeDump
	}{
		{"compact", largeDump{clusters: benchClusters}},
		{"indented", largeDump{clusters: benchClusters, indented: true}},
	} {
		b.Run(bb.name, func(b *testing.B) { benchDecode(b, bb.dump.bytes(b)) })
	}
}

// BenchmarkConfigDumpCapture decodes a recorded dump, for which all is new: no interner is warm.
func BenchmarkConfigDumpCapture(b *testing.B) {
	benchDecode(b, captured(b, "testdata/captures/strict-server", "config_dump"))
}

// BenchmarkConfigDumpReplica decodes a dump that another replica had before: the interner is warm.
func BenchmarkConfigDumpReplica(b *testing.B) {
	text := captured(b, "testdata/captures/strict-server", "config_dump")
	in := NewInterner()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		decodeWith(b, in, text)
	}
}

// BenchmarkTokenizer only splits the large dump into tokens: no decoder on top of it can be faster.
func BenchmarkTokenizer(b *testing.B) {
	text := largeDump{clusters: benchClusters}.bytes(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		d := jsontext.NewDecoder(stream{bytes.NewReader(text)}, jsontext.AllowDuplicateNames(true))
		for {
			if _, err := d.ReadToken(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkRedact copies the large dump.
func BenchmarkRedact(b *testing.B) {
	text := largeDump{clusters: benchClusters}.bytes(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Redact(io.Discard, stream{bytes.NewReader(text)}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProtojson makes the same model of a tenth of the large dump by way of go-control-plane's
// messages: what the Decoder is measured against.
func BenchmarkProtojson(b *testing.B) {
	text := largeDump{clusters: benchClusters / 10}.bytes(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		newProtoModel(b).dump(protoDump(b, text))
	}
}

func benchDecode(b *testing.B, text []byte) {
	b.Helper()
	before := liveHeap()
	var p *Proxy
	var in *Interner
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		in = NewInterner()
		p = decodeWith(b, in, text)
	}
	b.StopTimer()
	b.ReportMetric(float64(liveHeap()-before)/1e6, "live-MB")
	runtime.KeepAlive(p)
	runtime.KeepAlive(in)
	runtime.KeepAlive(text)
}

func decodeWith(b *testing.B, in *Interner, text []byte) *Proxy {
	b.Helper()
	d := NewDecoder(in)
	if err := d.ConfigDump(stream{bytes.NewReader(text)}); err != nil {
		b.Fatal(err)
	}
	return d.Proxy()
}

// stream hides that all bytes are in memory, as they never are outside of a benchmark.
type stream struct{ io.Reader }

func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
