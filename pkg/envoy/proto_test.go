//go:build !race

package envoy

import (
	"path/filepath"
	"testing"

	admin "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// TestDecoderReadsAsProtojson reads every recording twice: with the Decoder, and with protojson into
// go-control-plane's messages. Both must give one model. It is what allows a decoder of our own.
func TestDecoderReadsAsProtojson(t *testing.T) {
	for _, folder := range captures(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			got, want := decodeCapture(t, folder), protoCapture(t, folder)
			compareProxies(t, want, got)
		})
	}
}

func protoCapture(t testing.TB, folder string) *Proxy {
	t.Helper()
	m := newProtoModel(t)
	m.dump(protoDump(t, captured(t, folder, "config_dump")))
	var hosts admin.Clusters
	unmarshal(t, captured(t, folder, "clusters"), &hosts)
	m.hosts(&hosts)
	var loaded admin.Certificates
	unmarshal(t, captured(t, folder, "certs"), &loaded)
	m.loaded(&loaded)
	return m.p
}

func protoDump(t testing.TB, text []byte) *admin.ConfigDump {
	t.Helper()
	var dump admin.ConfigDump
	unmarshal(t, text, &dump)
	return &dump
}

func unmarshal(t testing.TB, text []byte, into proto.Message) {
	t.Helper()
	o := protojson.UnmarshalOptions{DiscardUnknown: true, Resolver: newTypes(t)}
	if err := o.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
