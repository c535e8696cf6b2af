package probe

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// memory is a sink that keeps everything.
type memory struct {
	mu      sync.Mutex
	members map[string]string
	pages   map[string][]string
	gaps    []mesh.Gap
}

func newMemory() *memory {
	return &memory{members: map[string]string{}, pages: map[string][]string{}}
}

func (m *memory) Add(path string, r io.Reader) error {
	raw, err := io.ReadAll(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.members[path] = string(raw)
	return err
}

func (m *memory) AddList(id string, pagers ...bundle.Pager) error {
	var failed error
	for _, next := range pagers {
		failed = errors.Join(failed, m.addPages(id, next))
	}
	return failed
}

func (m *memory) addPages(id string, next bundle.Pager) error {
	for token := ""; ; {
		body, err := next(token)
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(body)
		if err := errors.Join(err, body.Close()); err != nil {
			return err
		}
		m.mu.Lock()
		m.pages[id] = append(m.pages[id], string(raw))
		m.mu.Unlock()
		var head struct{ Metadata struct{ Continue string } }
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&head); err != nil {
			return err
		}
		if token = head.Metadata.Continue; token == "" {
			return nil
		}
	}
}

func (m *memory) Gap(g mesh.Gap) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gaps = append(m.gaps, g)
}

// names are those of a list's objects, in order.
func (m *memory) names(t *testing.T, id string) []string {
	t.Helper()
	var names []string
	for _, page := range m.pages[id] {
		var list struct {
			Items []struct{ Metadata struct{ Name string } }
		}
		if err := json.Unmarshal([]byte(page), &list); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		for _, i := range list.Items {
			names = append(names, i.Metadata.Name)
		}
	}
	return names
}

// gap returns the gap about a name, or fails.
func (m *memory) gap(t *testing.T, name string) mesh.Gap {
	t.Helper()
	i := slices.IndexFunc(m.gaps, func(g mesh.Gap) bool { return g.Subject.Name == name })
	if i < 0 {
		t.Fatalf("no gap about %s in %v", name, m.gaps)
	}
	return m.gaps[i]
}

func testClock() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// collect runs Collect without a bound that a slow machine could meet.
func collect(t *testing.T, c *cluster, o Options) (*memory, bundle.Manifest) {
	t.Helper()
	m := newMemory()
	manifest, err := Collect(t.Context(), o.on(c), m)
	if err != nil {
		t.Fatalf("Collect: %v", err)
	}
	return m, manifest
}

func (o Options) on(c *cluster) Options {
	o.Config, o.Clock = c.config(), testClock
	if o.ProxyTimeout == 0 {
		o.ProxyTimeout = time.Minute
	}
	return o
}
