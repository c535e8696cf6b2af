package container

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLookup(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"program": 0o755, "data": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"HOME=/", "PATH=/nowhere:" + dir}
	tests := []struct {
		name, want string
		fails      bool
	}{
		{name: "program", want: filepath.Join(dir, "program")},
		{name: "/as/given", want: "/as/given"},
		{name: "data", fails: true},
		{name: "absent", fails: true},
	}
	for _, test := range tests {
		got, err := lookup(test.name, env)
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("lookup(%q) = %q, %v; want %q, error: %t", test.name, got, err, test.want, test.fails)
		}
	}
}
