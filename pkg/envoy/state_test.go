package envoy

import (
	"testing"
	"time"
)

const failed = `"error_state":{"details":"no such file","version_info":"v2","last_update_attempt":"2026-11-23T12:00:00Z","failed_configuration":{"name":"from-the-config","@type":"type.googleapis.com/x.Y"}}`

func rejection(kind, name string) Rejection {
	return Rejection{Kind: kind, Name: name, Details: "no such file", Version: "v2", LastAttempt: testTime()}
}

func TestRejections(t *testing.T) {
	for _, tc := range []struct {
		name, dump string
		want       Rejection
	}{
		{"listener without an active state", `"dynamic_listeners":[{"name":"virtualInbound",` + failed + `}]`, rejection("listener", "virtualInbound")},
		{"listener without a name", `"dynamic_listeners":[{` + failed + `}]`, rejection("listener", "from-the-config")},
		{"cluster that was never accepted", `"dynamic_active_clusters":[{` + failed + `}]`, rejection("cluster", "from-the-config")},
		{"cluster beside one in force", `"dynamic_active_clusters":[{"cluster":{"name":"c"},` + failed + `}]`, rejection("cluster", "c")},
		{"secret", `"dynamic_warming_secrets":[{"name":"default","secret":{"name":"default"},` + failed + `}]`, rejection("secret", "default")},
		{"route", `"dynamic_route_configs":[{` + failed + `,"route_config":{"name":"80"}}]`, rejection("route", "80")},
		{"endpoints", `"dynamic_endpoint_configs":[{` + failed + `,"endpoint_config":{"cluster_name":"c"}}]`, rejection("endpoint", "c")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := mustDump(t, dump(`{`+tc.dump+`}`))
			diff(t, "rejected", []Rejection{tc.want}, p.Rejected)
		})
	}
}

func TestRejectedListenerThatEnvoyPrintsTwiceCountsOnce(t *testing.T) {
	bare := `{"error_state":{"details":"no such file","version_info":"v2","failed_configuration":{` + typeOf("x.Y") + `,"name":"l"}}}`
	named := `{"name":"l",` + failed + `}`
	for _, entries := range []string{bare + "," + named, named + "," + bare} {
		p := mustDump(t, dump(`{"dynamic_listeners":[`+entries+`]}`))
		diff(t, "rejected", []Rejection{rejection("listener", "l")}, p.Rejected)
	}
}

func TestListenerStates(t *testing.T) {
	state := func(version string) string {
		return `{"version_info":"` + version + `","last_updated":"2026-11-23T12:00:00Z","listener":{` + typeOf("envoy.config.listener.v3.Listener") + `,"name":"l"}}`
	}
	p := mustDump(t, dump(`{`+typeOf("envoy.admin.v3.ListenersConfigDump")+`,"dynamic_listeners":[
		{`+failed+`,"draining_state":`+state("v0")+`,"warming_state":`+state("v2")+`,"active_state":`+state("v1")+`,"name":"l"}]}`))
	var got []Freshness
	for _, l := range p.Listeners {
		if l.Name != "l" {
			t.Errorf("name = %q", l.Name)
		}
		got = append(got, l.Freshness)
	}
	want := []Freshness{{Active, "v1", testTime()}, {Warming, "v2", testTime()}, {Draining, "v0", testTime()}}
	diff(t, "states", want, got)
	diff(t, "rejected", []Rejection{rejection("listener", "l")}, p.Rejected)
}

func TestListenerIsNamedByItsEntry(t *testing.T) {
	p := mustDump(t, dump(`{"dynamic_listeners":[{"name":"l","active_state":{"listener":{`+typeOf("envoy.config.listener.v3.Listener")+`}}}]}`))
	if p.Listeners[0].Name != "l" {
		t.Errorf("name = %q", p.Listeners[0].Name)
	}
}

func TestOldTimestampsAreUnknown(t *testing.T) {
	p := mustDump(t, dump(`{"static_clusters":[{"cluster":{"name":"c"},"last_updated":"2018-05-29 20:35:10.05 +0000 UTC m=+615.03"}]}`))
	if got := p.Clusters[0].LastUpdated; !got.Equal(time.Time{}) {
		t.Errorf("LastUpdated = %v", got)
	}
}
