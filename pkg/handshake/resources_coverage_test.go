//go:build !race

// Nothing here runs at the same time as something else; make sweep runs it, without the race detector.

package handshake

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var update = flag.Bool("update", false, "write docs/coverage-resources.md anew")

const resourcesHead = `# Which values of Istio's resources the truth has exercised

Generated from the recorded meshes and the lab's scenarios by a test of pkg/handshake (go test ./pkg/handshake -run ResourceCoverage -update).
For every field that the tool reads: whether a mesh of testdata, or a scenario of the lab, has it set, and so whether verdicts under it were
compared with what happened. [coverage.md](coverage.md) says the same of Envoy's configuration.
`

// exercised are the kinds whose fields decide or explain a handshake.
var exercised = []struct {
	kind string
	list func(*kube.Resources) any
}{
	{"PeerAuthentication", func(r *kube.Resources) any { return r.PeerAuthentications }},
	{"DestinationRule", func(r *kube.Resources) any { return r.DestinationRules }},
	{"Sidecar", func(r *kube.Resources) any { return r.Sidecars }},
	{"ServiceEntry", func(r *kube.Resources) any { return r.ServiceEntries }},
	{"WorkloadEntry", func(r *kube.Resources) any { return r.WorkloadEntries }},
	{"VirtualService", func(r *kube.Resources) any { return r.VirtualServices }},
	{"Gateway", func(r *kube.Resources) any { return r.Gateways }},
	{"AuthorizationPolicy", func(r *kube.Resources) any { return r.AuthorizationPolicies }},
	{"RequestAuthentication", func(r *kube.Resources) any { return r.RequestAuthentications }},
	{"EnvoyFilter", func(r *kube.Resources) any { return r.EnvoyFilters }},
}

// choices are the values of fields that have a few, by the end of the path (Istio's API).
var choices = []struct {
	suffix string
	values []string
}{
	{"PeerAuthentication.spec.mtls.mode", []string{"UNSET", "DISABLE", "PERMISSIVE", "STRICT"}},
	{"PeerAuthentication.spec.portLevelMtls.*.mode", []string{"UNSET", "DISABLE", "PERMISSIVE", "STRICT"}},
	{"Gateway.spec.servers[].tls.mode", []string{"PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"}},
	{".tls.mode", []string{"DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"}},
	{".loadBalancer.simple", []string{"UNSPECIFIED", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"}},
	{".location", []string{"MESH_EXTERNAL", "MESH_INTERNAL"}},
	{".resolution", []string{"NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"}},
	{".outboundTrafficPolicy.mode", []string{"REGISTRY_ONLY", "ALLOW_ANY"}},
	{".action", []string{"ALLOW", "DENY", "AUDIT", "CUSTOM"}},
	{".applyTo", []string{"LISTENER", "LISTENER_FILTER", "FILTER_CHAIN", "NETWORK_FILTER", "HTTP_FILTER", "CLUSTER"}},
	{".exportTo[]", []string{".", "*"}},
	{".insecureSkipVerify", []string{"true"}},
}

func choicesOf(path string) []string {
	for _, c := range choices {
		if strings.HasSuffix(path, c.suffix) {
			return c.values
		}
	}
	return nil
}

// TestResourceCoverage keeps docs/coverage-resources.md.
func TestResourceCoverage(t *testing.T) {
	recorded, inLab := map[string]bool{}, map[string]bool{}
	for _, file := range allCaptureFiles(t) {
		note(sharedCapture(t, file).Resources, recorded)
	}
	note(scenarioResources(t), inLab)
	var doc strings.Builder
	doc.WriteString(resourcesHead)
	for _, x := range exercised {
		fmt.Fprintf(&doc, "\n## %s\n\n| field | value | recorded | in the lab |\n|---|---|---|---|\n", x.kind)
		known := rows(reflect.TypeOf(x.list(&kube.Resources{})).Elem().Elem(), x.kind)
		for _, row := range unlisted(x.kind, known, recorded, inLab) {
			t.Errorf("%s is no value that is listed", row)
		}
		for _, row := range known {
			field, value, _ := strings.Cut(strings.TrimPrefix(row, x.kind+"."), "=")
			fmt.Fprintf(&doc, "| %s | %s | %s | %s |\n", field, value, yesNo(recorded[row]), yesNo(inLab[row]))
		}
	}
	const name = "../../docs/coverage-resources.md"
	if *update {
		if err := os.WriteFile(name, []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != doc.String() {
		t.Errorf("%s is out of step (%v): run the test with -update and read what changed", name, err)
	}
}

// unlisted are the values of a kind that resources have and no row shows.
func unlisted(kind string, known []string, seen ...map[string]bool) []string {
	var out []string
	for _, m := range seen {
		for row := range m {
			if strings.HasPrefix(row, kind+".") && !slices.Contains(known, row) {
				out = append(out, row)
			}
		}
	}
	return out
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "**no**"
}

// scenarioResources reads every manifest of the lab's scenarios.
func scenarioResources(t *testing.T) *kube.Resources {
	t.Helper()
	files, err := filepath.Glob("../../lab/scenarios/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios (%v)", err)
	}
	res := &kube.Resources{}
	for _, file := range files {
		if filepath.Base(file) == "scenario.yaml" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range strings.Split(string(data), "\n---") {
			raw, err := yaml.YAMLToJSON([]byte(doc))
			if err == nil && string(raw) != "null" {
				_, err = res.AddObject(raw)
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
	}
	return res
}

// note marks every field that a resource sets, "DestinationRule.spec.trafficPolicy.tls.mode=SIMPLE".
func note(res *kube.Resources, seen map[string]bool) {
	for _, x := range exercised {
		list := reflect.ValueOf(x.list(res))
		for i := range list.Len() {
			noteValue(list.Index(i).Elem().FieldByName("Spec"), x.kind+".spec", seen)
		}
	}
}

func noteValue(v reflect.Value, path string, seen map[string]bool) {
	switch {
	case v.IsZero():
	case v.Kind() == reflect.Pointer:
		noteValue(v.Elem(), path, seen)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if name := jsonName(v.Type().Field(i)); name != "" {
				noteValue(v.Field(i), path+"."+name, seen)
			}
		}
	case isTree(v.Type()) && v.Kind() == reflect.Map:
		for _, k := range v.MapKeys() {
			noteValue(v.MapIndex(k), path+".*", seen)
		}
	case isTree(v.Type()):
		for i := range v.Len() {
			noteValue(v.Index(i), path+"[]", seen)
		}
	case choicesOf(path) != nil:
		seen[path+"="+fmt.Sprint(v.Interface())] = true
	default:
		seen[path+"="] = true
	}
}

// isTree reports lists and maps that have structure or choices inside.
func isTree(t reflect.Type) bool {
	if t.Kind() != reflect.Slice && t.Kind() != reflect.Map {
		return false
	}
	e := t.Elem()
	return e.Kind() == reflect.Struct || e.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && e.Kind() == reflect.String
}

// jsonName is a field's name in JSON; "" for one that holds what is not modelled.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// rows are the paths of all fields of a type, each with every value that it can have.
func rows(t reflect.Type, path string) []string {
	f, _ := t.FieldByName("Spec")
	return typeRows(f.Type, path+".spec")
}

func typeRows(t reflect.Type, path string) []string {
	var out []string
	switch {
	case t.Kind() == reflect.Pointer:
		return typeRows(t.Elem(), path)
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if name := jsonName(t.Field(i)); name != "" {
				out = append(out, typeRows(t.Field(i).Type, path+"."+name)...)
			}
		}
		return out
	case isTree(t) && t.Kind() == reflect.Map:
		return typeRows(t.Elem(), path+".*")
	case isTree(t):
		return typeRows(t.Elem(), path+"[]")
	}
	for _, value := range choicesOf(path) {
		out = append(out, path+"="+value)
	}
	if len(out) == 0 {
		out = []string{path + "="}
	}
	return slices.Clip(out)
}
