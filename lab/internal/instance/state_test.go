package instance

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

func TestParseStart(t *testing.T) {
	const tail = "S 1 2 3 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 2"
	tests := map[string]struct {
		stat string
		want uint64
		err  bool
	}{
		"plain":               {"12 (etcd) " + tail, 987654, false},
		"name with a bracket": {"12 (a) b) (c) " + tail, 987654, false},
		"zombie":              {"12 (etcd) Z" + tail[1:], 0, true},
		"short":               {"12 (etcd) S 1 2", 0, true},
		"empty":               {"", 0, true},
		"no number":           {"12 (etcd) S 1 2 3 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 x 1000 2", 0, true},
	}
	for name, test := range tests {
		got, err := parseStart([]byte(test.stat))
		if got != test.want || (err != nil) != test.err {
			t.Errorf("%s: parseStart = %d, %v; want %d, error: %t", name, got, err, test.want, test.err)
		}
	}
}

// A process that has ended, another one with the same id, and a lab that never was are all down.
func TestLoad(t *testing.T) {
	dir := layout.Dir(t.TempDir())
	down := func(when string) {
		t.Helper()
		if s, err := Load(dir); !errors.Is(err, ErrDown) {
			t.Errorf("%s: Load = %+v, %v; want ErrDown", when, s, err)
		}
	}
	down("no state")
	if err := os.MkdirAll(dir.Run(), 0o755); err != nil {
		t.Fatal(err)
	}
	saved, err := save(dir, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Load(dir); err != nil || got != saved {
		t.Errorf("this process: Load = %+v, %v; want %+v", got, err, saved)
	}
	other := State{PID: saved.PID, Start: saved.Start + 1}
	if other.alive() {
		t.Error("another process with the same id counts as the lab")
	}
	cmd := exec.Command("cat") // waits for its input
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := save(dir, cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	_ = cmd.Wait()
	down("ended process")
}
