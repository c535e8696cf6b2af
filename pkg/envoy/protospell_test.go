//go:build !race

package envoy

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	admin "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// TestDecoderReadsEverySpelling prints the recordings anew, in every way in which tools print the
// same messages, and reads them again.
func TestDecoderReadsEverySpelling(t *testing.T) {
	for _, folder := range captures(t)[:7] {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			text := captured(t, folder, "config_dump")
			dump, asRecorded := protoDump(t, text), decodeDump(t, text)
			want := newProtoModel(t).dump(dump)
			for name, text := range spellings(t, dump) {
				t.Run(name, func(t *testing.T) { compareQuickly(t, asRecorded, want, decodeDump(t, text)) })
			}
			t.Run("by resource", func(t *testing.T) { compareProxies(t, want, decodeByResource(t, dump)) })
			t.Run("as istioctl", func(t *testing.T) { compareResources(t, want, decodeAsIstioctl(t, dump)) })
		})
	}
}

// spellings are the forms that protojson can print, and one with all members in reverse.
func spellings(t *testing.T, dump *admin.ConfigDump) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for name, o := range map[string]protojson.MarshalOptions{
		"camelCase, indented": {Multiline: true, Indent: "    "},
		"snake_case, compact": {UseProtoNames: true},
		"enums as numbers":    {UseEnumNumbers: true},
	} {
		out[name] = marshal(t, dump, o)
	}
	out["members in reverse"] = []byte(rewrite(t, string(out["snake_case, compact"]), nil, true))
	return out
}

func marshal(t testing.TB, msg proto.Message, o protojson.MarshalOptions) []byte {
	t.Helper()
	o.Resolver = newTypes(t)
	text, err := o.Marshal(msg)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// decodeByResource asks for one list after the other, as config_dump?resource= answers.
func decodeByResource(t testing.TB, dump *admin.ConfigDump) *Proxy {
	t.Helper()
	d := NewDecoder(nil)
	for _, config := range dump.GetConfigs() {
		section := unpack(t, config).ProtoReflect()
		if section.Descriptor().Name() == "BootstrapConfigDump" {
			read(t, d, "bootstrap", &admin.ConfigDump{Configs: []*anypb.Any{config}})
		}
		fields := section.Descriptor().Fields()
		for i := range fields.Len() {
			if f := fields.Get(i); f.IsList() {
				read(t, d, string(f.Name()), itemsOf(t, section.Get(f).List()))
			}
		}
	}
	return d.Proxy()
}

func read(t testing.TB, d *Decoder, resource string, answer *admin.ConfigDump) {
	t.Helper()
	text := marshal(t, answer, protojson.MarshalOptions{UseProtoNames: true})
	if err := d.ConfigResource(resource, bytes.NewReader(text)); err != nil {
		t.Fatalf("%s: %v", resource, err)
	}
}

func itemsOf(t testing.TB, list protoreflect.List) *admin.ConfigDump {
	t.Helper()
	out := &admin.ConfigDump{}
	for i := range list.Len() {
		packed, err := anypb.New(list.Get(i).Message().Interface())
		if err != nil {
			t.Fatal(err)
		}
		out.Configs = append(out.Configs, packed)
	}
	return out
}

// decodeAsIstioctl reads bare messages in lists, as istioctl proxy-config prints them.
func decodeAsIstioctl(t testing.TB, dump *admin.ConfigDump) *Proxy {
	t.Helper()
	d := NewDecoder(nil)
	for _, config := range dump.GetConfigs() {
		var list []json.RawMessage
		for _, a := range resourcesIn(unpack(t, config)) {
			list = append(list, marshal(t, unpack(t, a), protojson.MarshalOptions{}))
		}
		if len(list) == 0 {
			continue
		}
		text, err := json.MarshalIndent(list, "", "    ")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.ConfigDump(bytes.NewReader(text)); err != nil {
			t.Fatalf("%s: %v", anyName(config), err)
		}
	}
	return d.Proxy()
}

// resourcesIn are the clusters, listeners or routes of a section, without what is around them.
func resourcesIn(section proto.Message) (out []*anypb.Any) {
	switch s := section.(type) {
	case *admin.ClustersConfigDump:
		for _, e := range s.GetStaticClusters() {
			out = append(out, e.GetCluster())
		}
		for _, e := range s.GetDynamicActiveClusters() {
			out = append(out, e.GetCluster())
		}
	case *admin.ListenersConfigDump:
		for _, e := range s.GetStaticListeners() {
			out = append(out, e.GetListener())
		}
		for _, e := range s.GetDynamicListeners() {
			if l := e.GetActiveState().GetListener(); l != nil {
				out = append(out, l)
			}
		}
	case *admin.RoutesConfigDump:
		for _, e := range s.GetDynamicRouteConfigs() {
			out = append(out, e.GetRouteConfig())
		}
	}
	return out
}

// compareResources compares what bare messages can tell: not in which state they are, nor of which API.
func compareResources(t testing.TB, want, got *Proxy) {
	t.Helper()
	bareWant := &Proxy{API: got.API, Clusters: want.Clusters, Routes: map[string]*RouteConfig{}}
	for _, l := range want.Listeners {
		if l.State == Active || l.State == Static {
			bareWant.Listeners = append(bareWant.Listeners, l)
		}
	}
	for name, c := range want.Routes {
		if c.State == Active {
			bareWant.Routes[name] = c
		}
	}
	bareWant.Read = SectionClusters | SectionListeners | SectionRoutes
	if diff := diffProxies(bareWant, got, cmpopts.IgnoreTypes(Freshness{})); diff != "" {
		t.Errorf("-protojson +decoder:\n%s", diff)
	}
}
