package report

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// TestSARIFSchema: what is written is valid by the standard's own schema (OASIS, 2.1.0 errata 01),
// which this module has in a Go string.
func TestSARIFSchema(t *testing.T) {
	source := moduleFile(t, "github.com/owenrumney/go-sarif/v3@v3.3.1", "pkg/report/v210/sarif/schema.go")
	_, rest, _ := strings.Cut(source, "`")
	text, _, ok := strings.Cut(rest, "`")
	if !ok {
		t.Fatal("the module holds no schema")
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	schema := compiled(t, document)
	eachReport(t, func(t *testing.T, r *Report) {
		valid(t, schema, render(t, r, Style{Format: SARIF}))
	})
	if schema.Validate(map[string]any{"version": "2.1.0"}) == nil {
		t.Error("the schema takes a log without runs")
	}
}

// TestOpenReportsSchema: an API server with the project's custom resource definitions takes what
// is written, and prunes no field of it.
func TestOpenReportsSchema(t *testing.T) {
	schemas := map[string]*jsonschema.Schema{}
	for _, file := range []string{"openreports.io_reports.yaml", "openreports.io_clusterreports.yaml"} {
		text := moduleFile(t, "github.com/openreports/reports-api@v0.2.1", filepath.Join("config", "crd", file))
		var crd struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Schema struct{ OpenAPIV3Schema map[string]any }
				}
			}
		}
		if err := yaml.Unmarshal([]byte(text), &crd); err != nil {
			t.Fatal(err)
		}
		schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		delete(schema["properties"].(map[string]any), "metadata")
		closeObjects(schema)
		schema["properties"].(map[string]any)["metadata"] = map[string]any{"type": "object"} // the API server's own
		schemas[crd.Spec.Names.Kind] = compiled(t, schema)
	}
	eachReport(t, func(t *testing.T, r *Report) {
		var all struct {
			Items []map[string]any
		}
		if err := yaml.Unmarshal([]byte(render(t, r, Style{Format: OpenReports})), &all); err != nil {
			t.Fatal(err)
		}
		for _, item := range all.Items {
			if err := schemas[item["kind"].(string)].Validate(item); err != nil {
				t.Errorf("%v", err)
			}
		}
		if len(r.Findings) > 0 && len(all.Items) == 0 {
			t.Error("there are findings and no report")
		}
	})
}

// moduleFile reads a file of a Go module that is not linked in: a definition that is not ours.
func moduleFile(t *testing.T, module, file string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module).Output()
	if err != nil {
		t.Fatalf("download %s: %v", module, err)
	}
	var where struct{ Dir string }
	if err := json.Unmarshal(out, &where); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(where.Dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// closeObjects forbids the fields that a structural schema does not name: an API server drops them.
func closeObjects(schema map[string]any) {
	properties, ok := schema["properties"].(map[string]any)
	if ok {
		schema["additionalProperties"] = false
	}
	for _, x := range properties {
		closeObjects(x.(map[string]any))
	}
	if items, ok := schema["items"].(map[string]any); ok {
		closeObjects(items)
	}
	delete(schema, "format") // int32 and int64 are not of JSON Schema
}

func compiled(t *testing.T, document any) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("file:///schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("file:///schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func valid(t *testing.T, schema *jsonschema.Schema, text string) {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Error(err)
	}
}
