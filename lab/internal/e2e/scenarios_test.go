package e2e

import (
	"strings"
	"sync"
	"testing"
)

func TestLabelled(t *testing.T) {
	var out strings.Builder
	log := &labelled{label: "lab 1: ", out: &out, shared: &sync.Mutex{}}
	for _, part := range []string{"on", "e\ntwo\n\nthr", "ee"} {
		if n, err := log.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := log.flush(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "lab 1: one\nlab 1: two\nlab 1: \nlab 1: three\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
