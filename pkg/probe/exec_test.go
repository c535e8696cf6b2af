package probe

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// execOnly is a cluster that forbids port-forward.
func execOnly(t *testing.T, e *envoy) *cluster {
	t.Helper()
	c := newCluster(t)
	c.addProxy("a", e)
	c.refuse = refuseLists(&status{code: 403, reason: "Forbidden", text: "cannot create pods/portforward"}, isList("portforward"))
	return c
}

func TestExecReadsTheSame(t *testing.T) {
	forwarded := newCluster(t)
	forwarded.addProxy("a", newEnvoy())
	want, _ := collect(t, forwarded, Options{})
	got, _ := collect(t, execOnly(t, newEnvoy()), Options{UseExec: true})
	for path, text := range got.members {
		got.members[path] = strings.TrimSuffix(text, "\n") + "\n"
		want.members[path] = strings.TrimSuffix(want.members[path], "\n") + "\n"
	}
	if diff := cmp.Diff(want.members, got.members); diff != "" || len(got.gaps) > 0 {
		t.Errorf("members (-port-forward +exec):\n%s\ngaps: %v", diff, got.gaps)
	}
}

func TestExecIsNotUsedUnasked(t *testing.T) {
	c := execOnly(t, newEnvoy())
	m, _ := collect(t, c, Options{})
	if slices.ContainsFunc(c.requests, func(r string) bool { return strings.Contains(r, "/exec") }) {
		t.Error("executed a command without permission")
	}
	m.gap(t, "a")
}

func TestExecRunsNothingButTheAgent(t *testing.T) {
	c := execOnly(t, newEnvoy())
	collect(t, c, Options{UseExec: true})
	for _, r := range c.requests {
		_, query, ok := strings.Cut(r, "/exec?")
		if ok && !strings.HasPrefix(query, "command=pilot-agent&command=request&command=GET&command=") {
			t.Errorf("executed %s", query)
		}
	}
}

func TestExecStatus(t *testing.T) {
	e := newEnvoy()
	delete(e.resources, "static_listeners") // 404: text on stdout, and success
	e.override = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/certs" {
			http.Error(w, "out of order", http.StatusServiceUnavailable)
		}
		return r.URL.Path == "/certs"
	}
	m, _ := collect(t, execOnly(t, e), Options{UseExec: true})
	if got := m.members["proxies/shop/a/config_dump-listeners.json"]; !strings.Contains(got, "virtualInbound") || strings.Contains(got, "static_listeners") {
		t.Errorf("listeners: %s", got)
	}
	if g := m.gap(t, "a"); g.Stage != "certs" || g.Message != "the admin interface answers 503: out of order" || len(m.gaps) != 1 {
		t.Errorf("gaps: %+v", m.gaps)
	}
}

// TestExecProxyWentAway: the agent's own text about a proxy that is gone is one gap, and no
// answer of the proxy.
func TestExecProxyWentAway(t *testing.T) {
	e := newEnvoy()
	e.override = func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "Error: dial tcp 127.0.0.1:15000: connect: connection refused", http.StatusNotFound)
		return true
	}
	m, _ := collect(t, execOnly(t, e), Options{UseExec: true})
	if g := m.gap(t, "a"); g.Message != "the proxy does not answer on its admin port 15000" || !strings.Contains(g.Hint, "crashed") || len(m.gaps) != 1 {
		t.Errorf("gaps: %+v", m.gaps)
	}
}

func TestExecForbiddenToo(t *testing.T) {
	c := execOnly(t, newEnvoy())
	c.refuse = refuseLists(&status{code: 403, reason: "Forbidden", text: `pods "a" is forbidden`}, func(r *http.Request) bool {
		return isList("portforward")(r) || isList("exec")(r)
	})
	m, _ := collect(t, c, Options{UseExec: true})
	if g := m.gap(t, "a"); !strings.HasPrefix(g.Message, errExecDenied.Error()) || !strings.Contains(g.Hint, "pods/exec") || len(m.gaps) != 1 {
		t.Errorf("gaps: %+v", m.gaps)
	}
}

func TestExecError(t *testing.T) {
	failed := errors.New("command terminated with exit code 1")
	for _, tc := range []struct {
		name, stderr string
		err, want    error
	}{
		{"worked", "a line of the runtime", nil, nil},
		{"refused", "Error: Get \"http://localhost:15000/certs\": dial tcp 127.0.0.1:15000: connect: connection refused", failed, errRefused},
		{"refused, with a status", "Error: received unsuccessful status code 503: connect: connection refused", failed, errRefused},
		{"no such container", "", errors.New(`pods "a" is forbidden: User "x" cannot create`), errExecDenied},
		{"else", "Error: no such command", failed, failed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := execError(tc.err, tc.stderr); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
	var status *statusError
	if err := execError(failed, "Error: received unsuccessful status code 400: bad mask\n"); !errors.As(err, &status) || *status != (statusError{400, "bad mask"}) {
		t.Errorf("error %v", err)
	}
}

func TestExecNamesAnotherAdminPort(t *testing.T) {
	e := &executed{t: target{port: 15099}}
	if got := e.command("certs"); !slices.Equal(got, []string{"pilot-agent", "request", "--debug-port", "15099", "GET", "certs"}) {
		t.Errorf("command %v", got)
	}
}
