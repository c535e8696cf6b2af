package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/racing"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

const captures = "../../testdata/captures"

// membersOf reads the members of a recorded mesh that are part of its bundle.
func membersOf(t *testing.T, path string) []file {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer closeRead(f)
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []file
	for tr := tar.NewReader(zr); ; {
		head, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if _, name, ok := strings.Cut(head.Name, "/bundle/"); ok {
			out = append(out, file{name, string(data)})
		}
	}
}

// collect gives members to a collector as a live reading would.
func collect(t *testing.T, w *Writer, members []file) *mesh.Evidence {
	t.Helper()
	c := NewCollector(w)
	var m Manifest
	for _, f := range members {
		var err error
		switch member := classify(f.name); member.part {
		case manifest:
			m, err = ReadManifest(strings.NewReader(f.text))
		case unknown, loneDump:
		default:
			err = c.Add(f.name, strings.NewReader(f.text))
		}
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
	}
	ev, err := c.Close(m)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// TestLiveIsBundle is the central promise: what a live run judges is what its file says.
func TestLiveIsBundle(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(captures, "*.tar.gz"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recorded meshes in %s: %v", captures, err)
	}
	for _, path := range racing.Some(paths) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			members := membersOf(t, path)
			out := filepath.Join(t.TempDir(), "out.tar.gz")
			w, err := Create(out)
			if err != nil {
				t.Fatal(err)
			}
			live := collect(t, w, members)
			again, err := Open(t.Context(), out, nil)
			if err != nil {
				t.Fatal(err)
			}
			sameEvidence(t, live, again)
			recorded, err := Open(t.Context(), path, nil)
			if err != nil {
				t.Fatal(err)
			}
			sameEvidence(t, recorded, again, stripped()...)
		})
	}
}

// stripped are the differences that stripping makes: empty things are absent, and what app
// containers were started with is gone.
func stripped() []cmp.Option {
	return []cmp.Option{
		cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(kube.Container{}, "Args", "Command", "Env"),
		cmpopts.IgnoreMapEntries(func(k, _ string) bool {
			return k == "mesh" || k == "meshNetworks" || k == "kubectl.kubernetes.io/last-applied-configuration"
		}),
		cmpopts.IgnoreSliceElements(func(cm *kube.ConfigMap) bool { return !wantedConfigMap(cm) }),
	}
}

func TestForms(t *testing.T) {
	dir := t.TempDir()
	want := collect(t, nil, testBundle())
	for _, name := range []string{"b.tar.gz", "b.tgz", "b.tar", "folder/"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			if strings.HasSuffix(name, "/") {
				path += "/"
			}
			w, err := Create(path)
			if err != nil {
				t.Fatal(err)
			}
			sameEvidence(t, want, collect(t, w, testBundle()))
			got, err := Open(t.Context(), path, nil)
			if err != nil {
				t.Fatal(err)
			}
			sameEvidence(t, want, got)
			noneBeside(t, dir)
		})
	}
}

// noneBeside fails when a temporary file was left.
func noneBeside(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestStdin(t *testing.T) {
	var buf bytes.Buffer
	want := collect(t, NewWriter(&buf), testBundle())
	got, err := Open(t.Context(), "-", &buf)
	if err != nil {
		t.Fatal(err)
	}
	sameEvidence(t, want, got)
}

func TestOrderOfMembersDoesNotMatter(t *testing.T) {
	files := testBundle()
	want := mustRead(t, tarOf(t, files...))
	for i := range files {
		sameEvidence(t, want, mustRead(t, tarOf(t, append(append([]file{}, files[i:]...), files[:i]...)...)))
	}
}

// TestCutMember: a member whose reading failed is in both places as far as it goes.
func TestCutMember(t *testing.T) {
	lost := errors.New("connection lost")
	var buf bytes.Buffer
	c := NewCollector(NewWriter(&buf))
	if err := c.Add("kubernetes/pods.core.json", strings.NewReader(testPods)); err != nil {
		t.Fatal(err)
	}
	err := c.Add("proxies/shop/a-1/config_dump.json", broken(testDump[:len(testDump)-40], lost))
	if !errors.Is(err, lost) {
		t.Errorf("error %v, want the reader's", err)
	}
	live, err := c.Close(Manifest{CapturedAt: archived})
	if err != nil {
		t.Fatal(err)
	}
	sameEvidence(t, live, mustRead(t, buf.Bytes()))
	hasGap(t, live.Gaps, "Pod shop/a-1 | config_dump | config_dump is read only in part")
}

// TestToldGap: the reason that a probe knows takes the place of what was found.
func TestToldGap(t *testing.T) {
	var buf bytes.Buffer
	c := NewCollector(NewWriter(&buf))
	_ = c.Add("proxies/shop/a-1/config_dump.json", broken(testDump[:200], errors.New("lost"))) // the test is of its gap
	c.Gap(mesh.Gap{Subject: kube.PodRef(kube.Key{Namespace: "shop", Name: "a-1"}), Stage: StageConfigDump, Message: "the connection was lost"})
	c.Gap(ListGap("sidecars.networking.istio.io", "forbidden", "grant list"))
	live, err := c.Close(Manifest{CapturedAt: archived, Source: "live", Scope: &mesh.Scope{Namespaces: []string{"shop"}}})
	if err != nil {
		t.Fatal(err)
	}
	again := mustRead(t, buf.Bytes())
	sameEvidence(t, live, again)
	hasGap(t, again.Gaps, "Pod shop/a-1 | config_dump | the connection was lost")
	hasGap(t, again.Gaps, "List sidecars.networking.istio.io | list | forbidden")
	for _, l := range gapLines(again.Gaps) {
		if strings.Contains(l, "only in part") || strings.Contains(l, "sidecars") && strings.Contains(l, "not in") {
			t.Errorf("said twice: %s", l)
		}
	}
}
