//go:build !race

package envoy

import (
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/racing"
)

// maxEntropy bounds the size of a dump, to some ten kilobytes.
const maxEntropy = 4096

// FuzzDifferential makes dumps that no control plane would send and reads them both ways.
func FuzzDifferential(f *testing.F) {
	var seeds [24][]byte
	for i := range seeds {
		seeds[i] = entropy(uint64(i), maxEntropy)
	}
	for _, seed := range racing.Some(seeds[:]) {
		f.Add(seed)
	}
	chain, root := testPEMs(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &generator{t: t, data: data[:min(len(data), maxEntropy)], chain: chain, root: root}
		options := protojson.MarshalOptions{UseProtoNames: g.byte()%2 == 0, UseEnumNumbers: g.byte()%4 == 1}
		reversed := g.byte()%4 == 1
		dump := g.dump()
		text, order := marshal(t, dump, options), []cmp.Option(nil)
		if reversed {
			text, order = []byte(rewrite(t, string(text), nil, true)), anyOrder()
		}
		m := newProtoModel(t)
		want, got := m.dump(dump), decodeDump(t, text)
		if diff := diffProxies(want, got, order...); diff != "" {
			t.Fatalf("-protojson +decoder:\n%s", diff)
		}
		for path := range m.named {
			if !mentions(got.Unmodelled, path) {
				t.Fatalf("%s is set and not counted among %v", path, got.Unmodelled)
			}
		}
	})
}

// anyOrder leaves out what the order of members decides: that of resources of different states, of
// the conditions of a route in words, and which of two equal rejections is kept.
func anyOrder() []cmp.Option {
	return []cmp.Option{
		cmpopts.SortSlices(func(a, b *Cluster) bool { return a.State < b.State }),
		cmpopts.SortSlices(func(a, b *Listener) bool { return a.State < b.State }),
		cmpopts.SortSlices(func(a, b *Secret) bool { return a.State < b.State }),
		cmpopts.SortSlices(func(a, b Rejection) bool {
			return slices.Compare([]string{a.Kind, a.Name, a.Details}, []string{b.Kind, b.Name, b.Details}) < 0
		}),
		cmpopts.IgnoreFields(Route{}, "Match"),
		cmpopts.IgnoreFields(Rejection{}, "Version"),
	}
}

// TestHarmlessFieldsExist guards the decoder's list against misspelling and against what a new
// release of the schema renames.
func TestHarmlessFieldsExist(t *testing.T) {
	fields := map[string]bool{}
	for _, options := range anyOptions {
		for _, m := range options {
			addFields(m.ProtoReflect().Descriptor(), fields, map[protoreflect.FullName]bool{})
		}
	}
	for path := range harmless {
		if !fields[path] {
			t.Errorf("%s is no field of go-control-plane's messages", path)
		}
	}
}

func addFields(m protoreflect.MessageDescriptor, into map[string]bool, seen map[protoreflect.FullName]bool) {
	if seen[m.FullName()] {
		return
	}
	seen[m.FullName()] = true
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		into[string(m.Name())+"."+string(f.Name())] = true
		if f.Message() != nil {
			addFields(f.Message(), into, seen)
		}
	}
}

func entropy(seed uint64, n int) []byte {
	r := mathrand.New(mathrand.NewPCG(seed, 2))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

// special fills the well-known types, which may not hold just anything.
func (g *generator) special(m protoreflect.Message) bool {
	switch msg := m.Interface().(type) {
	case *durationpb.Duration:
		msg.Seconds, msg.Nanos = int64(pick(g, 0, 1, 15, 3600)), int32(pick(g, 0, 250_000_000, 1))
	case *timestamppb.Timestamp:
		msg.Seconds, msg.Nanos = int64(pick(g, 0, 1_795_000_000, 1)), int32(pick(g, 0, 405_000_000, 1))
	case *structpb.Struct:
		msg.Fields = g.metadata().GetFields()
	case *structpb.Value:
		msg.Kind = structpb.NewStringValue("x").GetKind()
	case *structpb.ListValue, *anypb.Any:
	default:
		return !strings.HasPrefix(string(m.Descriptor().FullName()), "envoy.") && !isWrapper(m)
	}
	return true
}

func isWrapper(m protoreflect.Message) bool {
	return strings.HasPrefix(string(m.Descriptor().FullName()), "google.protobuf.") &&
		strings.HasSuffix(string(m.Descriptor().Name()), "Value")
}

// metadata is what Istio writes into the metadata of nodes, clusters and endpoints.
func (g *generator) metadata() *structpb.Struct {
	service := map[string]any{"host": pick(g, "server.shop.svc", ""), "name": "server", "namespace": "shop"}
	all := map[string]any{
		"config": pick(g, "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/server", ""), "services": []any{service},
		"workload": pick(g, "server;shop;server;latest;Kubernetes", ""), "tlsMode": pick(g, "istio", "disabled"),
		"LABELS": map[string]any{"app": "x", "istio.io/rev": pick(g, "default", "")}, "NAMESPACE": "shop", "ISTIO_VERSION": "1.31.0",
		"flag": true, "number": 8080, "none": nil,
	}
	out := map[string]any{}
	for _, key := range sortedKeys(all) {
		if g.byte()%3 != 0 {
			out[key] = all[key]
		}
	}
	s, err := structpb.NewStruct(out)
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

// material is what a data source can hold: certificates, what a redacted dump shows, nonsense.
func (g *generator) material() string {
	return pick(g, g.chain, g.root, g.root+testCRL, g.root+g.chain, "", "no certificate", g.chain[:len(g.chain)/2])
}

// testCRL is taken for a revocation list by its label.
const testCRL = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"
