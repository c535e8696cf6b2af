package report

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestFingerprint(t *testing.T) {
	base := diagnose.Finding{Check: &diagnose.Check{Code: "MTD101"}, Subject: kube.Ref{Kind: "Pod", Namespace: "shop", Name: "client-dfcbd866f-78kcw"}, Field: "leaf"}
	same := base
	same.Subject.Name, same.Title = "client-7c9d8b6f5-x2x4l", "another sentence"
	if fingerprint(&base) != fingerprint(&same) {
		t.Error("a new replica set makes another cause of it")
	}
	tests := map[string]func(*diagnose.Finding){
		"code":      func(f *diagnose.Finding) { f.Check = &diagnose.Check{Code: "MTD102"} },
		"namespace": func(f *diagnose.Finding) { f.Subject.Namespace = "pay" },
		"workload":  func(f *diagnose.Finding) { f.Subject.Name = "server-dfcbd866f-78kcw" },
		"kind":      func(f *diagnose.Finding) { f.Subject.Kind = "Service" },
		"field":     func(f *diagnose.Finding) { f.Field = "root" },
		"port":      func(f *diagnose.Finding) { f.Port = 8080 },
		"group":     func(f *diagnose.Finding) { f.Group = "PERMISSIVE/STRICT" },
	}
	for name, change := range tests {
		other := base
		change(&other)
		if fingerprint(&base) == fingerprint(&other) {
			t.Errorf("another %s is the same cause", name)
		}
	}
}

func TestWithoutHash(t *testing.T) {
	tests := map[string]string{
		"client-dfcbd866f-78kcw": "client",
		"agent-78kcw":            "agent",
		"orders-db-0":            "orders-db-0",
		"frontend":               "frontend",
		"78kcw":                  "78kcw",
		"a-bcdfg-hjklm-npqrs":    "a-bcdfg",
	}
	for name, want := range tests {
		if got := withoutHash(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
