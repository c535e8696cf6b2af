package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestWriterIsDeterministic(t *testing.T) {
	var one, two bytes.Buffer
	collect(t, NewWriter(&one), testBundle())
	collect(t, NewWriter(&two), testBundle())
	if one.Len() == 0 || !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the same members gave other bytes the second time")
	}
}

func TestWriterFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.tar.gz")
	if err := os.WriteFile(path, []byte("an older one"), 0o644); err != nil {
		t.Fatal(err)
	}
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add("manifest.json", strings.NewReader(testManifest)); err != nil {
		t.Fatal(err)
	}
	if string(readFile(t, path)) != "an older one" {
		t.Error("the place was written to before the bundle was whole")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v, want 0600", info.Mode(), err)
	}
	noneBeside(t, dir)
}

func TestAbort(t *testing.T) {
	for _, name := range []string{"out.tar.gz", "out.tar", "out/"} {
		dir := t.TempDir()
		w, err := Create(dir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add("manifest.json", strings.NewReader(testManifest)); err != nil {
			t.Fatal(err)
		}
		w.Abort()
		w.Abort()
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v %v", name, left, err)
		}
	}
}

func TestWriterRefusesOtherMembers(t *testing.T) {
	w := NewWriter(io.Discard)
	for _, path := range []string{"proxies/shop/a-1/proxy.log", "kubernetes/secrets.core.json", "truth.json", "../x", "cluster/secrets"} {
		if err := w.Add(path, strings.NewReader("{}")); err == nil {
			t.Errorf("%s was written", path)
		}
	}
}

// full is a disk that is full after some bytes.
type full struct{ left int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFullDisk(t *testing.T) {
	c := NewCollector(NewWriter(&full{left: 600}))
	for _, f := range testBundle()[1:] {
		_ = c.Add(f.name, strings.NewReader(f.text)) // the error of the file is told at the end
	}
	if _, err := c.Close(Manifest{CapturedAt: archived}); !errors.Is(err, errFull) {
		t.Errorf("error %v, want that of the disk", err)
	}
}

// TestConcurrentAdd writes the members of many proxies at once, some larger than what is held in
// memory.
func TestConcurrentAdd(t *testing.T) {
	const proxies = 16
	path := filepath.Join(t.TempDir(), "out.tar")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	c := NewCollector(w)
	var wg sync.WaitGroup
	for i := range proxies {
		wg.Go(func() {
			pod := fmt.Sprintf("a-%d", i)
			dump := dumpOf(pod)
			if i == 0 {
				dump = strings.Replace(dump, `"NAME"`, `"LONG":"`+strings.Repeat("x", spoolInMemory)+`","NAME"`, 1)
			}
			if err := c.Add("proxies/shop/"+pod+"/config_dump.json", strings.NewReader(dump)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	live, err := c.Close(Manifest{CapturedAt: archived})
	if err != nil {
		t.Fatal(err)
	}
	if len(live.Proxies) != proxies {
		t.Errorf("%d proxies, want %d", len(live.Proxies), proxies)
	}
	again, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	sameEvidence(t, live, again)
}

func TestSpool(t *testing.T) {
	for name, limit := range map[string]int{"memory": 100, "file": 10} {
		s := &spool{limit: limit}
		for _, part := range []string{"hello ", "large ", "world"} {
			if _, err := io.WriteString(s, part); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if _, err := s.WriteTo(&out); err != nil || out.String() != "hello large world" {
			t.Errorf("%s: %q, %v", name, &out, err)
		}
		if (s.file != nil) != (name == "file") {
			t.Errorf("%s: file %v", name, s.file)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if s.file != nil {
			if _, err := os.Stat(s.file.Name()); err == nil {
				t.Error("the temporary file is still there")
			}
		}
	}
}
