package truth

import "testing"

func TestRemembers(t *testing.T) {
	tests := []struct {
		name, page string
		want       bool
	}{
		{"settings only", "PassthroughCluster::observability_name::PassthroughCluster\nPassthroughCluster::default_priority::max_connections::4294967295\n", false},
		{"a host", "PassthroughCluster::default_priority::max_retries::3\nPassthroughCluster::10.0.0.2:8080::cx_active::0\n", true},
		{"a host of another cluster", "InboundPassthroughCluster::10.0.0.2:8080::cx_active::0\n", false},
		{"an empty page", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := remembers([]byte(tt.page)); got != tt.want {
				t.Errorf("%t, want %t", got, tt.want)
			}
		})
	}
}
