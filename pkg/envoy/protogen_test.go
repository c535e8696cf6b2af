//go:build !race

package envoy

import (
	"strings"
	"testing"

	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// generator fills messages with whatever their schema allows, guided by bytes: where they end,
// messages stay empty. So the fuzzer chooses, and a finding shrinks.
type generator struct {
	t    testing.TB
	data []byte
	// trees counts the rules and predicates that the current message stands in.
	trees int
	// chain and root are what data sources hold, when they hold something good.
	chain, root string
}

// maxDepth is deeper than a TLS context stands in a dump, with room for wrapped sockets. Trees of
// rules stay lower: go-cmp takes twice as long for each list in a list.
const (
	maxDepth = 24
	maxTree  = 2
)

func (g *generator) byte() byte {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	return b
}

// below gives a number in [0, n), 0 when the bytes have run out.
func (g *generator) below(n int) int { return int(g.byte()) % n }

// message makes a message of this type and fills it.
func (g *generator) message(m proto.Message, depth int) proto.Message {
	out := m.ProtoReflect().New()
	g.fill(out, depth)
	return out.Interface()
}

// fill sets some of the fields of m, at most one of each oneof.
func (g *generator) fill(m protoreflect.Message, depth int) {
	defer g.complete(m)
	if depth > maxDepth || g.special(m) {
		return
	}
	if isTree[m.Descriptor().Name()] {
		g.trees++
		defer func() { g.trees-- }()
		if g.trees > maxTree {
			return
		}
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		one := f.ContainingOneof()
		if one != nil && m.WhichOneof(one) != nil || !g.wants(f) {
			continue
		}
		g.set(m, f, depth)
	}
}

// complete sets what Envoy demands and the readings may rely on: a secret has a name.
func (g *generator) complete(m protoreflect.Message) {
	if s, ok := m.Interface().(*tls.SdsSecretConfig); ok && s.GetName() == "" {
		s.Name = pick(g, "default", "ROOTCA")
	}
}

// isTree are the messages that hold messages like themselves.
var isTree = fieldNames("Permission", "Principal", "ListenerFilterChainMatchPredicate")

// wants decides about a field: those that decide a handshake are set more often.
func (g *generator) wants(f protoreflect.FieldDescriptor) bool {
	if never[f.Name()] {
		return false
	}
	if often[f.Name()] {
		return g.byte()%4 != 0
	}
	return g.byte()%8 == 1
}

func (g *generator) set(m protoreflect.Message, f protoreflect.FieldDescriptor, depth int) {
	switch {
	case f.IsMap():
		g.setMap(m, f, depth)
	case f.IsList():
		list := m.Mutable(f).List()
		for range 1 + g.below(3) {
			if v, ok := g.value(f, list.NewElement(), depth); ok {
				list.Append(v)
			}
		}
	default:
		if v, ok := g.value(f, m.NewField(f), depth); ok {
			m.Set(f, v)
		}
	}
}

func (g *generator) setMap(m protoreflect.Message, f protoreflect.FieldDescriptor, depth int) {
	if f.MapKey().Kind() != protoreflect.StringKind {
		return
	}
	entries := m.Mutable(f).Map()
	key := protoreflect.ValueOfString(g.text(f)).MapKey()
	if v, ok := g.value(f.MapValue(), entries.NewValue(), depth); ok {
		entries.Set(key, v)
	}
}

// value makes a value for f; zero is an empty one of its type.
func (g *generator) value(f protoreflect.FieldDescriptor, zero protoreflect.Value, depth int) (protoreflect.Value, bool) {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		if _, ok := zero.Message().Interface().(*anypb.Any); ok {
			return g.any(f, depth)
		}
		g.fill(zero.Message(), depth+1)
		return zero, true
	case protoreflect.EnumKind:
		values := f.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(g.below(values.Len())).Number()), true
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(g.text(f)), true
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(g.material())), true
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(g.byte()%2 == 0), true
	}
	return g.number(f)
}

// number stays where all integers are valid, and port numbers are often right.
func (g *generator) number(f protoreflect.FieldDescriptor) (protoreflect.Value, bool) {
	n := pick(g, 0, 1, 16, 80, 8080, 15006, 65535, 70000)
	switch f.Name() {
	case "prefix_len":
		n = g.below(33)
	case "port_value":
		n = min(n, 65535)
	}
	switch f.Kind() {
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n)), true
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(n) << 33), true
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n)), true
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(n) << 33), true
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n) / 4), true
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(n) / 4), true
	}
	return protoreflect.Value{}, false
}

// text gives a string that fits the field, now and then an odd one.
func (g *generator) text(f protoreflect.FieldDescriptor) string {
	name := f.FullName()
	switch {
	case f.Name() == "address_prefix":
		return pick(g, "10.0.0.0", "::", "10.244.1.62", "fd00::1")
	case name == "envoy.config.core.v3.SocketAddress.address":
		return pick(g, "0.0.0.0", "10.244.1.62", "::", "fd00::1%eth0", "server.shop.svc", "")
	case f.Name() == "inline_string":
		return g.material()
	case f.IsMap() && f.Name() == "filter_metadata":
		return pick(g, "istio", "envoy.transport_socket_match", "com.example")
	case strings.HasSuffix(string(name), ".FilterStateMatcher.key"):
		return pick(g, "io.istio.peer_principal", "other")
	case strings.HasSuffix(string(name), ".MetadataMatcher.filter"):
		return pick(g, "istio_authn", "other")
	case strings.HasSuffix(string(name), ".PathSegment.key"):
		return pick(g, "source.principal", "other")
	}
	return pick(g, "default", "ROOTCA", "outbound|80|v1|server.shop.svc.cluster.local", "/", "/api", "raw_buffer",
		"envoy.cluster.dns", "envoy.cluster.strict_dns", "istio", "", `a "b" \ c`, "ünïcödé <&>", "spiffe://cluster.local/ns/shop/sa/client")
}

func pick[T any](g *generator, options ...T) T { return options[g.below(len(options))] }
