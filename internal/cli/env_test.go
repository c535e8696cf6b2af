package cli

import "testing"

func TestProgramName(t *testing.T) {
	tests := map[string]string{
		"/usr/local/bin/kubectl-mtls_doctor": "kubectl mtls-doctor",
		"kubectl-mtls_doctor.exe":            "kubectl mtls-doctor",
		"kubectl-mtls-doctor":                "kubectl mtls-doctor",
		"./mtls-doctor":                      "mtls-doctor",
		"":                                   ".",
	}
	for argv0, want := range tests {
		if got := programName(argv0); got != want {
			t.Errorf("%q: got %q, want %q", argv0, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"checkout", "cart", "payments"}
	tests := map[string]string{
		"chekout": "checkout", "cart": "cart", "crat": "cart", "paymetns": "payments", "frontend": "", "": "",
	}
	for typed, want := range tests {
		if got := nearest(typed, words); got != want {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
}

// TestWidth: COLUMNS decides over the terminal, and where there is none.
func TestWidth(t *testing.T) {
	tests := []struct {
		terminal int
		columns  string
		want     int
	}{{0, "", 0}, {0, "90", 90}, {132, "90", 90}, {132, "", 132}, {132, "x", 132}}
	for _, test := range tests {
		env := &Env{Columns: test.terminal, Getenv: func(string) string { return test.columns }}
		if got := env.width(); got != test.want {
			t.Errorf("%+v: got %d", test, got)
		}
	}
}
