package bundle

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// TestEveryKindIsStripped fails when a kind is read and a capture would not hold it.
func TestEveryKindIsStripped(t *testing.T) {
	for _, k := range kube.Kinds() {
		if strippers[k.ID()] == nil {
			t.Errorf("%s: nothing strips it", k.ID())
		}
	}
	if len(strippers) != len(kube.Kinds()) {
		t.Errorf("%d strippers for %d kinds", len(strippers), len(kube.Kinds()))
	}
}

func TestStrip(t *testing.T) {
	tests := map[string]struct{ id, item, want string }{
		"app container": {
			"pods.core",
			`{"metadata":{"name":"p","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","a":"b"},"managedFields":[{"manager":"m","operation":"Apply","fieldsV1":{"f:spec":{}}}]},"spec":{"volumes":[{"secret":{"secretName":"s"}}],"containers":[{"name":"app","args":["--password=x"],"command":["run"],"env":[{"name":"PASSWORD","value":"hunter2"}]}]}}`,
			`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","annotations":{"a":"b"},"managedFields":[{"manager":"m","operation":"Apply"}]},"spec":{"containers":[{"name":"app"}]}}`,
		},
		"proxy container": {
			"pods.core",
			`{"metadata":{"name":"p"},"spec":{"initContainers":[{"name":"istio-init","args":["-p","15001"],"env":null}],"containers":[{"name":"istio-proxy","env":[{"name":"ISTIO_META_NETWORK","value":"n1"},{"name":"DB_PASSWORD","value":"x"},{"name":"ACCESS_TOKEN","value":"y"}]}]}}`,
			`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"initContainers":[{"name":"istio-init","args":["-p","15001"]}],"containers":[{"name":"istio-proxy","env":[{"name":"ISTIO_META_NETWORK","value":"n1"},{"name":"DB_PASSWORD"},{"name":"ACCESS_TOKEN"}]}]}}`,
		},
		"present and empty": {
			"destinationrules.networking.istio.io",
			`{"apiVersion":"networking.istio.io/v1beta1","kind":"DestinationRule","metadata":{"name":"d"},"spec":{"host":"h","trafficPolicy":{"tls":{}}}}`,
			`{"apiVersion":"networking.istio.io/v1beta1","kind":"DestinationRule","metadata":{"name":"d"},"spec":{"host":"h","trafficPolicy":{"tls":{}}}}`,
		},
		"mesh config without tokens": {
			"configmaps.core",
			`{"metadata":{"name":"istio"},"data":{"mesh":"trustDomain: td\ndefaultConfig:\n  tracing:\n    lightstep:\n      accessToken: x\n","other":"y"}}`,
			`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"istio"},"data":{"mesh":"{\"trustDomain\":\"td\"}"}}`,
		},
		"other ConfigMaps": {"configmaps.core", `{"metadata":{"name":"app"},"data":{"password":"x"}}`, ``},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := copyList(test.id, &out, strings.NewReader(`{"kind":"List","apiVersion":"v1","items":[`+test.item+`]}`)); err != nil {
				t.Fatal(err)
			}
			got := strings.TrimSuffix(strings.TrimPrefix(out.String(), `{"apiVersion":"v1","kind":"List","items":[`), "],\"metadata\":{}}\n")
			if diff := cmp.Diff(test.want, strings.TrimSpace(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// page is what the API server answers: items without their own kind.
func page(next string, names ...string) string {
	items := make([]string, len(names))
	for i, n := range names {
		items[i] = `{"metadata":{"name":"` + n + `","namespace":"shop"}}`
	}
	return `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1","continue":"` + next + `"},"items":[` + strings.Join(items, ",") + `]}`
}

// pagesOf serves pages by their token; one that is missing is an error.
func pagesOf(pages map[string]string) Pager {
	return func(token string) (io.ReadCloser, error) {
		text, ok := pages[token]
		if !ok {
			return nil, errors.New("the server has no page " + token)
		}
		return io.NopCloser(strings.NewReader(text)), nil
	}
}

func TestAddList(t *testing.T) {
	whole := pagesOf(map[string]string{"": page("2", "a", "b"), "2": page("3"), "3": page("", "c")})
	cut := pagesOf(map[string]string{"": page("2", "d"), "x": ""})
	none := pagesOf(nil)
	tests := map[string]struct {
		pagers []Pager
		pods   string
		read   bool
		fails  bool
	}{
		"pages":              {[]Pager{whole}, "a b c", true, false},
		"two namespaces":     {[]Pager{pagesOf(map[string]string{"": page("", "z")}), whole}, "z a b c", true, false},
		"empty":              {[]Pager{pagesOf(map[string]string{"": page("")})}, "", true, false},
		"cut between pages":  {[]Pager{cut, whole}, "d a b c", false, true},
		"first one refused":  {[]Pager{none, whole}, "a b c", false, true},
		"page cut in itself": {[]Pager{pagesOf(map[string]string{"": page("", "a", "b")[:150]})}, "a", false, true},
		"all refused":        {[]Pager{none, none}, "", false, true},
		"no pager":           {nil, "", false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			c := NewCollector(NewWriter(&buf))
			if err := c.AddList("pods.core", test.pagers...); (err != nil) != test.fails {
				t.Errorf("error %v, want one: %t", err, test.fails)
			}
			live, err := c.Close(Manifest{CapturedAt: archived})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, p := range live.Resources.Pods {
				names = append(names, p.Name)
			}
			if got := strings.Join(names, " "); got != test.pods || live.Resources.HasRead("pods.core") != test.read {
				t.Errorf("pods %q, read %t; want %q, %t", got, live.Resources.HasRead("pods.core"), test.pods, test.read)
			}
			sameEvidence(t, live, mustRead(t, buf.Bytes()))
		})
	}
}

func TestAddListOfUnknownKind(t *testing.T) {
	if err := NewCollector(nil).AddList("secrets.core"); err == nil {
		t.Error("secrets were taken")
	}
}

func TestRedaction(t *testing.T) {
	members := append(testBundle(),
		file{"proxies/shop/a-1/server_info.json", `{"version":"c/1.40.0/Clean/RELEASE/BoringSSL","state":"LIVE","command_line_options":{"config_yaml":"hunter2"},"node":{"id":"x","extensions":[{"name":"hunter2"}]}}`},
		file{"istiod/mesh-x.json", `{"trustDomain":"td","defaultConfig":{"tracing":{"lightstep":{"accessToken":"hunter2"}}}}`},
	)
	for i := range members {
		if members[i].name == "proxies/shop/a-1/config_dump.json" {
			members[i].text = strings.Replace(testDump, `"NAME":`, `"password":"hunter2","NAME":`, 1)
		}
	}
	dir := t.TempDir() + "/out.tar"
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	collect(t, w, members)
	data, err := Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v := data.Proxies[kube.Key{Namespace: "shop", Name: "a-1"}].Version; v != "1.40.0" {
		t.Errorf("version %q: server_info is not read any more", v)
	}
	if raw := readFile(t, dir); bytes.Contains(raw, []byte("hunter2")) {
		t.Error("a secret is in the file")
	}
}
