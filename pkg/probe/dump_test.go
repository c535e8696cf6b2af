package probe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// canned is an admin interface with one answer to everything.
type canned string

func (c canned) get(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(c))), nil
}
func (canned) close() {}

func readSection(t *testing.T, s section, answer string) (string, error) {
	t.Helper()
	d, err := openSection(t.Context(), canned(answer), s)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	err = d.writeTo(t.Context(), w)
	err = errors.Join(err, w.Flush())
	return out.String(), err
}

func TestSectionForms(t *testing.T) {
	routes := section{typ: "RoutesConfigDump", resources: []string{"dynamic_route_configs"}}
	const head = `{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.RoutesConfigDump","dynamic_route_configs":[`
	for _, tc := range []struct{ name, answer, want string }{
		{"none", "{}\n", head + "]}]}\n"},
		{"an empty list", `{"configs":[]}`, head + "]}]}\n"},
		{"type and nothing else", `{"configs":[{"@type":"a.b/X.Y"}]}`, head + "{}]}]}\n"},
		{"spaces", "{\n \"configs\" : [ {\n  \"@type\" : \"a.b/X.Y\" ,\n  \"a\": 1\n } ] }\n\n", head + "{\n  \"a\": 1\n }]}]}\n"},
		{"no type", `{"configs":[{"a":1}]}`, head + `{"a":1}]}]}` + "\n"},
		{"type later", `{"configs":[{"a":1,"@type":"X.Y"}]}`, head + `{"a":1,"@type":"X.Y"}]}]}` + "\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := readSection(t, routes, tc.answer)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestSectionErrors(t *testing.T) {
	routes := section{typ: "RoutesConfigDump", resources: []string{"dynamic_route_configs"}}
	for _, tc := range []struct{ name, answer, want string }{
		{"empty", "", "unexpected EOF"},
		{"a list", "[]", "not a config dump"},
		{"something else", `{"error":1}`, "not a config dump"},
		{"configs of another kind", `{"configs":1}`, "not a config dump"},
		{"cut at once", `{"configs":[`, "unexpected EOF"},
		{"cut in the first", `{"configs":[{"a":`, "unexpected EOF"},
		{"cut between", `{"configs":[{"a":1}`, "unexpected EOF"},
		{"cut at the end", `{"configs":[{"a":1}]`, "unexpected EOF"},
		{"cut in the second", `{"configs":[{"a":1},{"b`, "unexpected EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := readSection(t, routes, tc.answer); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// FuzzSection gives any bytes as the answer of /config_dump: there is an error, or a config dump.
func FuzzSection(f *testing.F) {
	for _, s := range []string{"", "{}", `{"configs":[]}`, `{"configs":[{"@type":"X.Y","a":1},{"b":[]}]}`, `{"configs":[{"@type":"RoutesConfigDump"}]}`, `{"configs":[{"a`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		for _, s := range sections {
			got, err := readSection(t, s, answer)
			if err != nil {
				continue
			}
			var dump struct {
				Configs *[]json.RawMessage `json:"configs"`
			}
			if err := json.Unmarshal([]byte(got), &dump); err != nil || dump.Configs == nil {
				t.Fatalf("%s: %v: %q gives %q", s.name, err, answer, got)
			}
		}
	})
}
