package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/racing"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestErrors(t *testing.T) {
	dump := []byte(testDump)
	tests := map[string]struct {
		data    []byte
		problem Problem
		says    string
	}{
		"empty file":         {nil, Empty, "it is empty"},
		"empty gzip":         {zipped(t, nil), Empty, "it is empty"},
		"empty tar":          {tarOf(t), NotEvidence, "neither an archive nor JSON"},
		"cut gzip":           {zipped(t, dump)[:12], Truncated, "cut"},
		"not gzip after all": {[]byte{0x1f, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, Unreadable, "can not be read"},
		"YAML":               {[]byte("hello, this is a log\nof something\n"), NotEvidence, "text file"},
		"binary":             {[]byte("\x7fELF\x00\x00\x00"), NotEvidence, "neither an archive nor JSON"},
		"zip":                {[]byte("PK\x03\x04rest"), Unsupported, "a zip archive"},
		"zstd":               {[]byte("\x28\xb5\x2f\xfdrest"), Unsupported, "zstd"},
		"age":                {[]byte("age-encryption.org/v1\n"), Unsupported, "encrypted with age"},
		"pgp":                {[]byte("-----BEGIN PGP MESSAGE-----\n"), Unsupported, "encrypted with PGP"},
		"cut JSON":           {dump[:30], Truncated, "cut"},
		"other JSON":         {[]byte(`{"hello":"world"}`), NotEvidence, ""},
		"ztunnel":            {[]byte(`{"workloads":[{"workloadIps":["10.0.0.1"],"protocol":"HBONE","name":"a"}],"services":[],"policies":[],"certificates":[]}`), NotEvidence, "it is a ztunnel dump"},
		"foreign archive":    {tarOf(t, file{"src/main.go", "package main"}, file{"package.json", `{"name":"x"}`}), NotEvidence, "none of its 2 files"},
		"newer bundle":       {tarOf(t, file{"manifest.json", strings.Replace(testManifest, "v1alpha1", "v9", 1)}), Unreadable, "this release reads"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ev, err := read(t, test.data)
			var known *Error
			if !errors.As(err, &known) {
				t.Fatalf("evidence %v, error %v, want an *Error", ev, err)
			}
			if known.Problem != test.problem || !strings.Contains(known.Error(), test.says) {
				t.Errorf("%s: %v, want %s with %q", known.Problem, known, test.problem, test.says)
			}
			if known.Next == "" || strings.ContainsRune(known.Error(), '\n') {
				t.Errorf("not one sentence with what to do next: %q", known)
			}
		})
	}
}

func TestPathErrors(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(testDump), 0o000); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		path    string
		problem Problem
	}{
		"no such file": {filepath.Join(dir, "nothing"), NotFound},
		"empty folder": {empty, Empty},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), test.path, nil)
			var known *Error
			if !errors.As(err, &known) || known.Problem != test.problem {
				t.Errorf("error %v, want %s", err, test.problem)
			}
		})
	}
	if got := fileError("x", &os.PathError{Op: "open", Path: "x", Err: os.ErrPermission}); got.Problem != Forbidden {
		t.Errorf("%v: problem %s", got, got.Problem)
	}
}

func TestCreateErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "no", "such.tar.gz"): "its folder does not exist",
		dir + "/":                               "the folder is not empty",
	} {
		if _, err := Create(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := OpenReader(ctx, "x", bytes.NewReader(tarOf(t, testBundle()...))); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

// TestTruncated cuts an archive everywhere: there is always evidence or a sentence, and never an
// answer without a gap.
func TestTruncated(t *testing.T) {
	recorded, err := os.ReadFile(filepath.Join(captures, "03-dr-disable-vs-strict.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	small := tarOf(t, testBundle()...)
	for name, data := range map[string][]byte{"recorded": recorded, "small tar": small, "small gzip": zipped(t, small)} {
		step := max(1, min(1024, len(data)/32))
		var cuts []int
		for n := 0; n < len(data); n += step {
			cuts = append(cuts, n)
		}
		for _, n := range racing.Some(cuts) {
			ev, err := read(t, data[:n])
			var known *Error
			switch {
			case err != nil && !errors.As(err, &known):
				t.Fatalf("%s: %d bytes: %v is not an *Error", name, n, err)
			case err == nil && len(ev.Gaps) == 0 && n < len(data)-2*blockSize:
				t.Fatalf("%s: %d of %d bytes: evidence without a gap", name, n, len(data))
			}
		}
	}
}

func TestTruncatedKeepsWhatWasRead(t *testing.T) {
	data := tarOf(t, testBundle()...)
	ev := mustRead(t, data[:len(data)-3*blockSize])
	if len(ev.Resources.Pods) != 1 || len(ev.Proxies) != 1 {
		t.Errorf("%d pods, %d proxies, want what came before the cut", len(ev.Resources.Pods), len(ev.Proxies))
	}
	hasGap(t, ev.Gaps, "Bundle archive | bundle | the archive is cut or damaged after")
}

// TestMissingClusters: what a proxy dials is not known without its /clusters, which is said once.
func TestMissingClusters(t *testing.T) {
	const clusters, config = "proxies/shop/a-1/clusters.json", "proxies/shop/a-1/config_dump.json"
	of := func(ev *mesh.Evidence) (messages []string) {
		for _, g := range ev.Gaps {
			if g.Subject.Kind == "Pod" && g.Stage == StageClusters {
				messages = append(messages, g.Message)
			}
		}
		return messages
	}
	missing := []string{"its /clusters was not read: which addresses it dials is not known"}
	for name, tc := range map[string]struct {
		files []file
		want  []string
	}{
		"there":                   {testBundle(), nil},
		"missing":                 {without(testBundle(), clusters), missing},
		"missing with the config": {without(without(testBundle(), clusters), config), nil},
		"a lone dump":             {[]file{{"a.json", testDump}}, nil},
	} {
		if diff := cmp.Diff(tc.want, of(mustRead(t, tarOf(t, tc.files...)))); diff != "" {
			t.Errorf("%s: gaps (-want +got):\n%s", name, diff)
		}
	}
}

func TestLimits(t *testing.T) {
	data := tarOf(t, testBundle()...)
	small := func(l limits) error {
		ev, err := newReader("x", l).stream(t.Context(), bytes.NewReader(data), archived)
		if err == nil {
			hasGap(t, ev.Gaps, "Pod shop/a-1 | config_dump | config_dump is read only in part")
		}
		return err
	}
	if err := small(limits{member: int64(len(testDump)) - 100, total: 1 << 20, members: 10}); err != nil {
		t.Errorf("one large member: %v, want evidence with a gap", err)
	}
	for name, l := range map[string]limits{
		"total":   {member: 1 << 20, total: 500, members: 10},
		"members": {member: 1 << 20, total: 1 << 20, members: 2},
	} {
		var known *Error
		if err := small(l); !errors.As(err, &known) || known.Problem != TooLarge {
			t.Errorf("%s: %v, want too large", name, err)
		}
	}
}

// endless is a stream of spaces that nobody can read to its end.
type endless struct{ read func(n int) }

func (e endless) Read(p []byte) (int, error) {
	e.read(len(p))
	return copy(p, bytes.Repeat([]byte{' '}, len(p))), nil
}

// TestWhatIsSkippedCounts: members that are not read are unpacked all the same.
func TestWhatIsSkippedCounts(t *testing.T) {
	junk := zipped(t, tarOf(t, file{"junk.bin", strings.Repeat("\x00", 1<<20)}))
	r := newReader("bomb.tar.gz", limits{member: 1 << 20, total: 64 << 10, members: 10})
	_, err := r.stream(t.Context(), bytes.NewReader(junk), time.Time{})
	if known, ok := errors.AsType[*Error](err); !ok || known.Problem != TooLarge {
		t.Errorf("error %v, want one that says it is too large", err)
	}
}

// TestLargeText: what would have to be YAML is not read whole, however long it is.
func TestLargeText(t *testing.T) {
	const most = 80 << 20
	given := 0
	text := endless{func(n int) { given += n }}
	in := io.MultiReader(strings.NewReader("configs:\n"), io.LimitReader(text, 1<<30))
	_, err := OpenReader(t.Context(), "dump.yaml", in)
	if known, ok := errors.AsType[*Error](err); !ok || known.Problem != TooLarge || !strings.Contains(known.Detail, "64 MB") {
		t.Errorf("error %v, want one that says it is too large", err)
	}
	if given > most {
		t.Errorf("%d bytes were read", given)
	}
}

// TestDeadlineEndsAnyReading: also that of one member, of what is skipped, and of a lone file.
func TestDeadlineEndsAnyReading(t *testing.T) {
	for name, start := range map[string][]byte{
		"a lone file":      []byte(`{"configs":[`),
		"YAML":             []byte("configs:\n"),
		"a member to skip": headerOf(t, "junk.bin"),
		"a member to read": headerOf(t, "proxies/shop/a/config_dump.json"),
		"a member in gzip": headerOf(t, "proxies/shop/a/config_dump.json.gz"),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			reads := 0
			rest := endless{func(int) {
				if reads++; reads > 3 {
					cancel()
				}
			}}
			_, err := OpenReader(ctx, "x", io.MultiReader(bytes.NewReader(start), rest))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want the context's", err)
			}
		})
	}
}

// headerOf is the header of a member that is larger than any memory.
func headerOf(t *testing.T, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := tar.NewWriter(&buf).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 1 << 40, Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestMissingParts: a capture makes all parts of a config dump, empty ones too, so that one that is
// not there was taken away, and a verdict that rests on it is not whole.
func TestMissingParts(t *testing.T) {
	part := func(name, typ string) file {
		return file{"proxies/shop/a-1/config_dump-" + name + ".json", `{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.` + typ + `ConfigDump"}]}`}
	}
	files := append(without(testBundle(), "proxies/shop/a-1/config_dump.json"),
		part("bootstrap", "Bootstrap"), part("listeners", "Listeners"), part("clusters", "Clusters"),
		part("endpoints", "Endpoints"), part("routes", "Routes"), part("secrets", "Secrets"))
	of := func(files []file) (messages []string) {
		for _, g := range mustRead(t, tarOf(t, files...)).Gaps {
			if g.Subject.Kind == "Pod" {
				messages = append(messages, g.Stage+": "+g.Message)
			}
		}
		return messages
	}
	if got := of(files); got != nil {
		t.Errorf("all parts are there, and gaps are told: %q", got)
	}
	if got := of(testBundle()); got != nil {
		t.Errorf("a whole dump is there, and gaps are told: %q", got)
	}
	got := of(without(without(files, "proxies/shop/a-1/config_dump-endpoints.json"), "proxies/shop/a-1/config_dump-bootstrap.json"))
	want := []string{"config_dump: its config dump lacks bootstrap, endpoints: the files are not in the bundle"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}
