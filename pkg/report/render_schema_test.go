package report

import (
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// TestSARIFSchema: what is written is valid by the standard's own schema (OASIS, 2.1.0 errata 01).
func TestSARIFSchema(t *testing.T) {
	file, err := os.Open("testdata/sarif-2.1.0.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	document, err := jsonschema.UnmarshalJSON(file)
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
	content, err := os.ReadFile("testdata/openreports-crds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.SplitSeq(string(content), "\n---\n") {
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
