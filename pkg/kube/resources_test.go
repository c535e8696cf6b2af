package kube

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func kind(t testing.TB, id string) Kind {
	t.Helper()
	k, ok := KindByID(id)
	if !ok {
		t.Fatalf("no kind %s", id)
	}
	return k
}

func TestAddListPages(t *testing.T) {
	r := &Resources{}
	pages := []string{
		`{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1","continue":"next"},"items":[{"metadata":{"name":"a","namespace":"n"}}]}`,
		`{"items":[{"metadata":{"name":"b","namespace":"n"}}],"metadata":{"continue":""}}`,
	}
	want := []string{"next", ""}
	for i, page := range pages {
		next, err := r.AddList(kind(t, "pods.core"), iotest.OneByteReader(strings.NewReader(page)))
		if err != nil || next != want[i] {
			t.Fatalf("page %d: continue %q, %v", i, next, err)
		}
	}
	if len(r.Pods) != 2 || r.Pods[1].Key() != (Key{"n", "b"}) {
		t.Errorf("%d pods", len(r.Pods))
	}
	if r.HasRead("pods.core") {
		t.Error("a list counts as read although nobody said that it was read to its end")
	}
	if r.MarkRead("pods.core"); !r.HasRead("pods.core") || r.HasRead("services.core") {
		t.Error("MarkRead")
	}
}

func TestAddListBadInput(t *testing.T) {
	const good = `{"metadata":{"name":"a","namespace":"n"}}`
	tests := []struct {
		name, in string
		kept     int
		want     string // in the error; "" for none
	}{
		{"null items", `{"items":null}`, 0, ""},
		{"no items", `{"kind":"PodList"}`, 0, "no items"},
		{"an API error", `{"kind":"Status","status":"Failure","message":"forbidden"}`, 0, "no items"},
		{"not an object", `[` + good + `]`, 0, "expected"},
		{"nothing", ``, 0, "list of pods"},
		{"items that are no list", `{"items":{}}`, 0, "expected"},
		{"cut in the middle", `{"items":[` + good + `,{"meta`, 1, "list of pods"},
		{"one broken item among good ones", `{"items":[` + good + `,{"metadata":7},` + good + `]}`, 2, "list of pods"},
		{"an item that is null", `{"items":[null,` + good + `]}`, 1, "null"},
		{"duplicate names at the top", `{"items":[` + good + `],"items":[]}`, 1, ""},
		{"unknown fields", `{"items":[{"metadata":{"name":"a","x":{}},"spec":{"y":[1]}}],"z":[{}]}`, 1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Resources{}
			_, err := r.AddList(kind(t, "pods.core"), strings.NewReader(tt.in))
			if len(r.Pods) != tt.kept {
				t.Errorf("%d pods, want %d", len(r.Pods), tt.kept)
			}
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestAddListReadError(t *testing.T) {
	broken := errors.New("connection reset")
	in := io.MultiReader(strings.NewReader(`{"items":[{"metadata":{"name":"a"}}`), iotest.ErrReader(broken))
	r := &Resources{}
	if _, err := r.AddList(kind(t, "pods.core"), in); !errors.Is(err, broken) {
		t.Errorf("error %v does not hold its cause", err)
	}
	if len(r.Pods) != 1 {
		t.Error("what was read before the error is gone")
	}
}

func TestAddObject(t *testing.T) {
	tests := []struct {
		name, in string
		known    bool
		fails    bool
	}{
		{"core", `{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"}}`, true, false},
		{"any version of a group", `{"apiVersion":"security.istio.io/v1beta1","kind":"PeerAuthentication","metadata":{"name":"a"}}`, true, false},
		{"kind of another group", `{"apiVersion":"gateway.networking.k8s.io/v1","kind":"Gateway","metadata":{"name":"a"}}`, false, false},
		{"kind that is not read", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}`, false, false},
		{"no kind", `{}`, false, false},
		{"null", `null`, false, false},
		{"not an object", `[]`, false, true},
		{"cut", `{"apiVersion":"v1"`, false, true},
		{"malformed", `{"apiVersion":"v1","kind":"Pod","spec":7}`, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			known, err := new(Resources).AddObject([]byte(tt.in))
			if known != tt.known || (err != nil) != tt.fails {
				t.Errorf("known %t, %v", known, err)
			}
		})
	}
}

func TestKindByID(t *testing.T) {
	for _, k := range Kinds() {
		if got, ok := KindByID(k.ID()); !ok || got.Name != k.Name {
			t.Errorf("%s is not found by its ID", k.ID())
		}
	}
	if k, ok := KindByID("pods"); !ok || k.Name != "Pod" {
		t.Error("kubectl's name of a core kind is not found")
	}
	if _, ok := KindByID("secrets.core"); ok {
		t.Error("a kind that is not read is found")
	}
	Kinds()[0].Name = "changed"
	if Kinds()[0].Name == "changed" {
		t.Error("callers can change the table of kinds")
	}
}

func TestPortByNumberOrName(t *testing.T) {
	tests := []struct{ in, want string }{
		{`8080`, "8080"}, {`"http"`, "http"}, {`"8080"`, "8080"}, {`null`, "0"},
	}
	for _, tt := range tests {
		var r Resources
		in := `{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"ports":[{"port":80,"targetPort":` + tt.in + `}]}}`
		if _, err := r.AddObject([]byte(in)); err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if got := r.Services[0].Spec.Ports[0].TargetPort.String(); got != tt.want {
			t.Errorf("%s is read as %q, want %q", tt.in, got, tt.want)
		}
	}
	for _, in := range []string{`true`, `1.5`, `99999999999`, `{}`} {
		var r Resources
		if _, err := r.AddObject([]byte(`{"apiVersion":"v1","kind":"Service","spec":{"ports":[{"port":80,"targetPort":` + in + `}]}}`)); err == nil {
			t.Errorf("%s is taken for a port", in)
		}
	}
}

func TestPod(t *testing.T) {
	var r Resources
	_, err := r.AddObject([]byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"n","creationTimestamp":"2026-11-24T12:00:00Z",
		"ownerReferences":[{"kind":"A","name":"a"},{"kind":"B","name":"b","controller":true}]},
		"spec":{"containers":[{"name":"app"}],"initContainers":[{"name":"istio-proxy"}]},
		"status":{"phase":"Failed","conditions":[{"type":"Initialized","status":"True"},{"type":"Ready","status":"False"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	p := r.Pods[0]
	switch {
	case p.Ready() || !p.Finished():
		t.Error("a failed pod is ready")
	case p.Container("istio-proxy") == nil || p.Container("app") == nil || p.Container("x") != nil:
		t.Error("containers by name")
	case p.Controller() == nil || p.Controller().Kind != "B":
		t.Error("the controller is the owner that says so")
	case !p.CreationTimestamp.Equal(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)):
		t.Errorf("created %s", p.CreationTimestamp)
	case (&Pod{}).Ready() || (&Pod{}).Controller() != nil:
		t.Error("a pod that says nothing is ready or controlled")
	}
}

func TestSelector(t *testing.T) {
	labels := map[string]string{"app": "a", "version": "1"}
	tests := []struct {
		selector *Selector
		want     bool
	}{
		{nil, true},
		{&Selector{}, true},
		{&Selector{MatchLabels: map[string]string{"app": "a"}}, true},
		{&Selector{MatchLabels: map[string]string{"app": "b"}}, false},
		{&Selector{MatchLabels: map[string]string{"app": "a", "tier": ""}}, false},
	}
	for _, tt := range tests {
		if got := tt.selector.Matches(labels); got != tt.want {
			t.Errorf("%v matches: %t", tt.selector, got)
		}
		if tt.selector.Empty() != (tt.selector == nil || len(tt.selector.MatchLabels) == 0) {
			t.Errorf("%v: Empty", tt.selector)
		}
	}
}

func TestNames(t *testing.T) {
	got := []string{Key{"n", "a"}.String(), Key{"", "a"}.String(), Ref{"Pod", "n", "a"}.String(), Ref{Kind: "Node", Name: "a"}.String()}
	if diff := cmp.Diff([]string{"n/a", "a", "Pod n/a", "Node a"}, got); diff != "" {
		t.Error(diff)
	}
	if (Key{"a", "z"}).Compare(Key{"b", "a"}) >= 0 || (Key{"a", "a"}).Compare(Key{"a", "b"}) >= 0 || (Key{"a", "a"}).Compare(Key{"a", "a"}) != 0 {
		t.Error("keys sort by namespace, then name")
	}
}

// FuzzAddList: no bytes make it panic, and none are a list without items.
func FuzzAddList(f *testing.F) {
	for _, seed := range []string{
		`{"items":[{"metadata":{"name":"a","namespace":"n"},"spec":{"ports":[{"port":80,"targetPort":"http"}]}}],"metadata":{"continue":"x"}}`,
		`{"items":null}`, `{"kind":"Status"}`, `{"items":[null]}`, `{"items":[`, `[]`, ``, "{\"items\":[{\"metadata\":{\"name\":\"\xff\"}}]}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, k := range Kinds() {
			r := &Resources{}
			_, err := r.AddList(k, strings.NewReader(string(in)))
			if err == nil && !strings.Contains(string(in), "tems") && !strings.Contains(string(in), `\u`) {
				t.Errorf("%s: a list without items is read", k.ID())
			}
		}
		if known, err := new(Resources).AddObject(in); known && err == nil && len(in) == 0 {
			t.Error("nothing is read as an object")
		}
	})
}

// TestEnvoyPatch: of a patch its name is kept, and whether it sets transport sockets, in either spelling;
// nothing else, since it may be secret.
func TestEnvoyPatch(t *testing.T) {
	for value, want := range map[string]EnvoyConfig{
		`{"name":"limits","connect_timeout":"1s"}`:                                             {Name: "limits"},
		`{"transport_socket":{"name":"tls","typed_config":{"password":"s3cr3t"}}}`:             {TransportSocket: &EnvoyPart{"tls"}},
		`{"typed_extension_protocol_options":{"x":{"@type":"y","http2_protocol_options":{}}}}`: {TypedExtensionProtocolOptions: map[string]EnvoyPart{"x": {}}},
		`{"transportSocketMatches":[{"name":"a","match":{}}]}`:                                 {TransportSocketMatches: []EnvoyPart{{"a"}}},
	} {
		r := &Resources{}
		if _, err := r.AddObject([]byte(`{"apiVersion":"networking.istio.io/v1alpha3","kind":"EnvoyFilter","metadata":{"name":"x"},` +
			`"spec":{"configPatches":[{"applyTo":"CLUSTER","patch":{"operation":"MERGE","value":` + value + `}}]}}`)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.EnvoyFilters[0].Spec.ConfigPatches[0].Patch.Value); diff != "" {
			t.Errorf("%s: %s", value, diff)
		}
	}
}
