package truth

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/client/clienttest"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

func TestAccepted(t *testing.T) {
	p := prepared{pods: []node.PodInfo{pod("server", "10.0.0.1", true), pod("client", "10.0.0.2", true)}}
	server := mesh.Unacked{Proxy: "server.shop", Type: "Listener", Error: "no such filter"}
	tests := []struct {
		name    string
		named   []string
		unacked []mesh.Unacked
		want    string
	}{
		{"all accept", nil, nil, ""},
		{"the named one refuses", []string{"shop/server"}, []mesh.Unacked{server, server}, ""},
		{"the named one accepts", []string{"shop/server"}, nil, "shop/server has accepted"},
		{"another one refuses", nil, []mesh.Unacked{server}, "shop/server has not accepted"},
		{"a proxy without a pod refuses", nil, []mesh.Unacked{{Proxy: "gone.shop"}}, "gone.shop has not accepted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.unacked = tt.unacked
			checkError(t, accepted(scenario.Scenario{NotAccepted: tt.named}, p), tt.want)
		})
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestProven(t *testing.T) {
	const certsOf = `{"certificates":[{"ca_cert":[{"serial_number":"%s"}]}]}`
	page := func(pod, page string) string { return fmt.Sprintf("/pods/shop/%s/http/15000/%s", pod, page) }
	lab := clienttest.New(t, map[string]string{
		page("client", "clusters?a=b"): "outbound|80||server\n  { \"tls\" :  1 }\n", page("client", "certs"): fmt.Sprintf(certsOf, "a"),
		page("server", "certs"): fmt.Sprintf(certsOf, "a"), page("foreign", "certs"): fmt.Sprintf(certsOf, "b"),
	})
	r := &Runner{Mesh: mesh.Mesh{Lab: lab.Client}}
	pods := []node.PodInfo{pod("client", "10.0.0.1", true), pod("server", "10.0.0.2", true), pod("foreign", "10.0.0.3", true)}
	tests := []struct {
		name  string
		proof scenario.Precondition
		want  string
	}{
		{"has, whatever the blanks", scenario.Precondition{Proxy: "shop/client", Page: "clusters?a=b", Has: `{"tls": 1}`, Lacks: "90"}, ""},
		{"has not", scenario.Precondition{Proxy: "shop/client", Page: "clusters?a=b", Has: `"tls": 2`}, "has no"},
		{"does not lack", scenario.Precondition{Proxy: "shop/client", Page: "clusters?a=b", Has: "80", Lacks: `"tls":`}, `has "tls"`},
		{"other roots", scenario.Precondition{Proxy: "shop/foreign", OtherRootThan: "shop/client"}, ""},
		{"the same roots", scenario.Precondition{Proxy: "shop/server", OtherRootThan: "shop/client"}, "the same roots"},
		{"nobody", scenario.Precondition{Proxy: "shop/nobody", Page: "certs"}, "no pod"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkError(t, r.proven(t.Context(), scenario.Scenario{Preconditions: []scenario.Precondition{tt.proof}}, pods), tt.want)
		})
	}
}

func TestExpired(t *testing.T) {
	at := func(ago time.Duration) string {
		return fmt.Sprintf(`{"cert_chain":[{"expiration_time":%q}]}`, time.Now().Add(-ago).Format(time.RFC3339Nano))
	}
	tests := []struct {
		name, page string
		want       bool
	}{
		{"yesterday", at(24 * time.Hour), true},
		{"tomorrow", at(-24 * time.Hour), false},
		{"one of two", at(24*time.Hour) + "," + at(-24*time.Hour), false},
		{"no leaf", `{"ca_cert":[]}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lab := clienttest.New(t, map[string]string{"/pods/shop/server/http/15000/certs": `{"certificates":[` + tt.page + `]}`})
			r := &Runner{Mesh: mesh.Mesh{Lab: lab.Client}}
			if got, err := r.expired(t.Context(), pod("server", "10.0.0.1", true)); err != nil || got != tt.want {
				t.Errorf("%t, %v; want %t", got, err, tt.want)
			}
		})
	}
}
