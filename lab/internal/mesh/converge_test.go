package mesh

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSummary(t *testing.T) {
	const answer = `[
		{"proxy":"client.shop","resources":{
			"type.googleapis.com/envoy.config.cluster.v3.Cluster":{"sent":"1","acked":"1"},
			"type.googleapis.com/envoy.config.listener.v3.Listener":{"sent":"2","acked":"1","lastError":"no such filter"}}},
		{"proxy":"server.shop","resources":{
			"type.googleapis.com/envoy.config.cluster.v3.Cluster":{"sent":"2"}}}]`
	var statuses []syncStatus
	if err := json.Unmarshal([]byte(answer), &statuses); err != nil {
		t.Fatal(err)
	}
	got := summary(statuses)
	want := Converged{
		Proxies: []string{"client.shop", "server.shop"},
		Unacked: []Unacked{{"client.shop", "Listener", "no such filter"}, {"server.shop", "Cluster", ""}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

func TestRests(t *testing.T) {
	refused, unanswered := Unacked{"a", "Listener", "no such filter"}, Unacked{"a", "Cluster", ""}
	tests := []struct {
		name  string
		state Converged
		still time.Duration
		want  bool
	}{
		{"has just moved", Converged{}, quiet - 1, false},
		{"all answered", Converged{}, quiet, true},
		{"a refusal is an answer", Converged{Unacked: []Unacked{refused}}, quiet, true},
		{"an answer may still come", Converged{Unacked: []Unacked{refused, unanswered}}, stuck - 1, false},
		{"no answer will come", Converged{Unacked: []Unacked{unanswered}}, stuck, true},
		{"a pod may still get ready", Converged{Unready: []string{"shop/a"}}, stuck - 1, false},
		{"a pod stays unready", Converged{Unready: []string{"shop/a"}}, stuck, true},
	}
	for _, tt := range tests {
		if got := tt.state.rests(tt.still); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestStillness(t *testing.T) {
	at := time.Unix(0, 0)
	s := stillness{now: func() time.Time { return at }}
	step := func(picture string, want time.Duration) {
		t.Helper()
		if got := s.since(picture); got != want {
			t.Errorf("at %v, since(%q) = %v, want %v", at.Unix(), picture, got, want)
		}
		at = at.Add(time.Second)
	}
	step("a", 0)
	step("a", time.Second)
	step("b", 0)
	step("a", 0)
	step("a", time.Second)
	_ = s.moved(nil)
	step("a", 0)
}
