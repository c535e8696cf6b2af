package envoy

import (
	"strings"
	"testing"
)

// A section whose reading broke off is not read, whatever else of it was read before or after.
func TestCutSectionIsNotRead(t *testing.T) {
	const clusters = `{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
		"dynamic_active_clusters":[{"cluster":{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":"a"}}],
		"static_clusters":[{"cluster":{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":"b"}}]},
		{"@type":"type.googleapis.com/envoy.admin.v3.ListenersConfigDump"}]}`
	whole := func(t *testing.T, d *Decoder) {
		t.Helper()
		if err := d.ConfigDump(strings.NewReader(clusters)); err != nil {
			t.Fatal(err)
		}
	}
	cut := func(t *testing.T, d *Decoder, at string) {
		t.Helper()
		i := strings.Index(clusters, at)
		if err := d.ConfigDump(strings.NewReader(clusters[:i])); err == nil {
			t.Fatal("a cut dump was read without an error")
		}
	}
	t.Run("whole", func(t *testing.T) {
		d := NewDecoder(NewInterner())
		whole(t, d)
		if p := d.Proxy(); !p.Read.Has(SectionClusters | SectionListeners) {
			t.Errorf("read %b", p.Read)
		}
	})
	t.Run("cut in the clusters", func(t *testing.T) {
		d := NewDecoder(NewInterner())
		cut(t, d, `"name":"b"`)
		p := d.Proxy()
		if p.Read.Has(SectionClusters) || len(p.Clusters) != 1 {
			t.Errorf("read %b, %d clusters; want clusters unread, one kept", p.Read, len(p.Clusters))
		}
	})
	t.Run("a later answer does not mend it", func(t *testing.T) {
		d := NewDecoder(NewInterner())
		cut(t, d, `"name":"b"`)
		whole(t, d)
		if p := d.Proxy(); p.Read.Has(SectionClusters) || !p.Read.Has(SectionListeners) {
			t.Errorf("read %b; want listeners only", p.Read)
		}
	})
	t.Run("hosts", func(t *testing.T) {
		d := NewDecoder(NewInterner())
		if err := d.Clusters(strings.NewReader(`{"cluster_statuses":[{"name":"a"`)); err == nil {
			t.Fatal("cut hosts were read without an error")
		}
		if p := d.Proxy(); p.Read.Has(SectionHosts) {
			t.Errorf("read %b; want no hosts", p.Read)
		}
	})
}
