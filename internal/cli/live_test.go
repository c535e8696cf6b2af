package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/probe"
)

// members reads a recorded mesh: the members of its bundle by path.
func members(t *testing.T) map[string][]byte {
	t.Helper()
	packed, err := os.ReadFile("../../testdata/captures/03-dr-disable-vs-strict.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for archive := tar.NewReader(unpacked); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		_, member, ok := strings.Cut(h.Name, "/bundle/")
		if !ok || !isRead(member) {
			continue
		}
		if out[member], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

// isRead reports whether the probe reads such a member.
func isRead(member string) bool {
	id, list := strings.CutPrefix(strings.TrimSuffix(member, ".json"), "kubernetes/")
	_, known := kube.KindByID(id)
	return !list || known
}

// replayed is a cluster that answers what was recorded, in no particular order.
func replayed(t *testing.T, recorded map[string][]byte) func(context.Context, probe.Options, probe.Sink) (bundle.Manifest, error) {
	t.Helper()
	return func(_ context.Context, o probe.Options, sink probe.Sink) (bundle.Manifest, error) {
		for member, content := range recorded {
			if member == "manifest.json" {
				continue
			}
			if err := sink.Add(member, bytes.NewReader(content)); err != nil {
				t.Errorf("%s: %v", member, err)
			}
		}
		return bundle.Manifest{CapturedAt: o.Clock(), Source: "live", Context: o.Context, Scope: o.Scope}, nil
	}
}

// apiServer serves the lists of a recorded mesh as an API server does, and forbids port-forward.
func apiServer(t *testing.T, recorded map[string][]byte) *httptest.Server {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/version":
			fmt.Fprint(w, `{"gitVersion":"v1.36.1"}`)
			return
		case strings.HasSuffix(r.URL.Path, "/portforward"):
			refuse(w, http.StatusForbidden, "Forbidden", "pods/portforward is forbidden")
			return
		}
		if name, ok := strings.CutPrefix(r.URL.Path, "/api/v1/namespaces/"); ok && !strings.Contains(name, "/") {
			if bytes.Contains(recorded["kubernetes/namespaces.core.json"], []byte(`"name":"`+name+`"`)) {
				fmt.Fprintf(w, `{"kind":"Namespace","apiVersion":"v1","metadata":{"name":%q}}`, name)
				return
			}
			refuse(w, http.StatusNotFound, "NotFound", `namespaces "`+name+`" not found`)
			return
		}
		for member, content := range recorded {
			plural, _, _ := strings.Cut(path.Base(member), ".")
			if strings.HasPrefix(member, "kubernetes/") && path.Base(r.URL.Path) == plural {
				fmt.Fprintf(w, "%s", content)
				return
			}
		}
		refuse(w, http.StatusNotFound, "NotFound", "the server could not find the requested resource")
	}))
	t.Cleanup(s.Close)
	return s
}

func refuse(w http.ResponseWriter, code int, reason, message string) {
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":%d,"reason":%q,"message":%q}`, code, reason, message)
}

// kubeconfig writes one with a context "lab" whose namespace is shop.
func kubeconfig(t *testing.T, server *httptest.Server) string {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	config := map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "lab",
		"clusters": []any{map[string]any{"name": "lab", "cluster": map[string]any{"server": server.URL, "certificate-authority-data": ca}}},
		"users":    []any{map[string]any{"name": "me", "user": map[string]any{"token": "t"}}},
		"contexts": []any{map[string]any{"name": "lab", "context": map[string]any{"cluster": "lab", "user": "me", "namespace": "shop"}}},
	}
	content, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// result is what a command line did.
type result struct {
	Code     int
	Out, Err string
}

func runWith(t *testing.T, env *Env, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	env.Out, env.Err = &out, &errOut
	code := run(t.Context(), env, args)
	return result{code, out.String(), errOut.String()}
}

// TestLiveIsRecorded: the report of a live run, and that of its capture, are the same bytes.
func TestLiveIsRecorded(t *testing.T) {
	recorded := members(t)
	server := apiServer(t, recorded)
	t.Setenv("KUBECONFIG", kubeconfig(t, server))
	collects := map[string]func(context.Context, probe.Options, probe.Sink) (bundle.Manifest, error){
		"all proxies read": replayed(t, recorded),
		"none read":        probe.Collect,
	}
	scopes := map[string][]string{
		"the current namespace": {},
		"all namespaces":        {"-A"},
		"a namespace":           {"-n", "pay"},
		"a target":              {"deploy/server", "api.pay"},
		"a selector":            {"-A", "-l", "app=client"},
	}
	for name, collect := range collects {
		for scope, args := range scopes {
			if name == "none read" && len(args) > 0 {
				continue // the scopes differ in which proxies are read
			}
			t.Run(name+"/"+scope, func(t *testing.T) {
				env := testEnv(nil, nil, nil, os.Getenv)
				env.Collect = collect
				file := filepath.Join(t.TempDir(), "mesh.tar.gz")
				capture := runWith(t, env, slices.Concat([]string{"capture"}, args, []string{"-q", "-f", file})...)
				if capture.Code != exitOK && capture.Code != exitIncomplete || capture.Out != "" {
					t.Fatalf("capture: %+v", capture)
				}
				for _, format := range []string{"wide", "json"} { // the others show less of the same
					live := runWith(t, env, slices.Concat(args, []string{"-o", format})...)
					if live.Out == "" || live.Code == exitFailed || live.Code == exitUsage {
						t.Fatalf("live: %+v", live)
					}
					if diff := cmp.Diff(live, runWith(t, env, "--from", file, "-o", format)); diff != "" {
						t.Errorf("-o %s (-live +recorded):\n%s", format, diff)
					}
				}
			})
		}
	}
}

// TestLiveFailures: what a cluster may refuse is said in one sentence.
func TestLiveFailures(t *testing.T) {
	recorded := members(t)
	server := apiServer(t, recorded)
	config := kubeconfig(t, server)
	gone := httptest.NewTLSServer(http.NotFoundHandler())
	goneConfig := kubeconfig(t, gone)
	gone.Close()
	noIstio := map[string][]byte{}
	for member, content := range recorded {
		noIstio[member] = content
		if strings.HasPrefix(member, "kubernetes/configmaps") || strings.HasPrefix(member, "kubernetes/pods") {
			noIstio[member] = []byte(`{"kind":"List","apiVersion":"v1","items":[]}`)
		}
	}
	bare := kubeconfig(t, apiServer(t, noIstio))
	tests := map[string]struct {
		args []string
		code int
		err  string
	}{
		"unreachable":       {[]string{"--kubeconfig", goneConfig}, exitFailed, "error: the API server can not be reached: "},
		"no such namespace": {[]string{"--kubeconfig", config, "-n", "nowhere"}, exitUsage, "error: no such namespace: \"nowhere\"\nhint: "},
		"no such target":    {[]string{"--kubeconfig", config, "deploy/nobody"}, exitUsage, "error: there is no deploy/nobody in namespace shop\nhint: "},
		"no Istio":          {[]string{"--kubeconfig", bare}, exitFailed, "error: there is no Istio to be seen: "},
		"nothing was read":  {[]string{"--kubeconfig", config, "--fail-on", "none"}, exitIncomplete, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := runWith(t, testEnv(nil, nil, nil, os.Getenv), test.args...)
			if got.Code != test.code || !strings.HasPrefix(got.Err, test.err) {
				t.Errorf("got %+v, want %d, %s", got, test.code, test.err)
			}
		})
	}
}

// TestCaptureOfAnEmptyNamespace: a capture without proxies says what would have recorded some.
func TestCaptureOfAnEmptyNamespace(t *testing.T) {
	recorded := members(t)
	recorded["kubernetes/namespaces.core.json"] = bytes.Replace(recorded["kubernetes/namespaces.core.json"], []byte(`"name":"legacy"`), []byte(`"name":"empty"`), 1)
	config := kubeconfig(t, apiServer(t, recorded))
	hint := "namespace empty has no pod with a proxy: capture -A records the whole mesh\n"
	for name, test := range map[string]struct {
		args []string
		says bool
	}{
		"empty":                 {[]string{"-n", "empty"}, true},
		"proxies that are shut": {[]string{"-n", "shop"}, false},
		"all":                   {[]string{"-A"}, false},
	} {
		args := slices.Concat([]string{"--kubeconfig", config, "capture", "-f", filepath.Join(t.TempDir(), "mesh.tar.gz")}, test.args)
		got := runWith(t, testEnv(nil, nil, nil, os.Getenv), args...)
		if got.Code != exitIncomplete || !strings.HasPrefix(got.Err, "0 proxies captured") || strings.Contains(got.Err, hint) != test.says {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestEmptyNamespace: that there is nothing to judge is no pass.
func TestEmptyNamespace(t *testing.T) {
	recorded := members(t)
	recorded["kubernetes/namespaces.core.json"] = bytes.Replace(recorded["kubernetes/namespaces.core.json"], []byte(`"name":"legacy"`), []byte(`"name":"empty"`), 1)
	config := kubeconfig(t, apiServer(t, recorded))
	env := testEnv(nil, nil, nil, os.Getenv)
	env.Collect = replayed(t, recorded)
	want := "empty: ?   there are no pods, and so nothing was judged; -A looks in all namespaces\n"
	got := runWith(t, env, "--kubeconfig", config, "-n", "empty")
	if got.Code != exitIncomplete || !strings.HasPrefix(got.Out, want) {
		t.Errorf("got %+v", got)
	}
	if got := runWith(t, env, "--kubeconfig", config, "-n", "empty", "--allow-partial"); got.Code != exitOK {
		t.Errorf("with --allow-partial: %+v", got)
	}
}

func TestTimeout(t *testing.T) {
	recorded := members(t)
	config := kubeconfig(t, apiServer(t, recorded))
	env := testEnv(nil, nil, nil, os.Getenv)
	all := replayed(t, recorded)
	env.Collect = func(ctx context.Context, o probe.Options, sink probe.Sink) (bundle.Manifest, error) {
		m, _ := all(ctx, o, sink)
		return m, probe.ErrTimeout
	}
	got := runWith(t, env, "--kubeconfig", config)
	if got.Code != exitTimeout || !strings.HasPrefix(got.Out, "shop: ") || !strings.HasPrefix(got.Err, "error: the time was over") {
		t.Errorf("got %+v", got)
	}
}

func TestInterrupt(t *testing.T) {
	config := kubeconfig(t, apiServer(t, members(t)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	env := testEnv(nil, io.Discard, io.Discard, os.Getenv)
	env.Collect = probe.Collect
	if code := run(ctx, env, []string{"--kubeconfig", config}); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
}
