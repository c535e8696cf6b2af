package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/instance"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// Traces are what a lab might leave on the machine; its interfaces end with its network namespace.
type Traces struct {
	Processes []string // of the lab's process namespace, or that run a program of the work folder
	Mounts    []string // of the work folder
	Files     []string // of the running lab
}

// Footprint looks for the traces of the lab in a folder, whose processes were in a namespace
// ("pid:[4026532345]").
func Footprint(dir layout.Dir, namespace string) (Traces, error) {
	var t Traces
	var err error
	if t.Processes, err = processes(dir, namespace); err != nil {
		return t, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return t, err
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, string(dir)+"/") {
			t.Mounts = append(t.Mounts, strings.TrimSpace(line))
		}
	}
	_, err = os.Stat(dir.Run())
	switch {
	case err == nil:
		t.Files = append(t.Files, dir.Run())
	case !errors.Is(err, fs.ErrNotExist):
		return t, err
	}
	return t, nil
}

func processes(dir layout.Dir, namespace string) ([]string, error) {
	found, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, proc := range found {
		pid, err := strconv.Atoi(filepath.Base(proc))
		if err != nil || strconv.Itoa(pid) == self || !instance.Running(pid) {
			continue
		}
		// Of a process that has ended meanwhile nothing can be read.
		program, _ := os.Readlink(filepath.Join(proc, "exe"))
		ns, _ := os.Readlink(filepath.Join(proc, "ns", "pid"))
		if strings.HasPrefix(program, string(dir)+"/") || ns != "" && ns == namespace {
			all = append(all, fmt.Sprint(pid, " ", program))
		}
	}
	return all, nil
}

// namespaceOf is the process namespace of the running lab in a folder.
func namespaceOf(dir layout.Dir) (string, error) {
	s, err := instance.Load(dir)
	if err != nil {
		return "", err
	}
	return os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", s.PID))
}

// Beyond are the traces that were not there before.
func (t Traces) Beyond(before Traces) []string {
	var left []string
	for _, kind := range []struct {
		what       string
		now, known []string
	}{
		{"process ", t.Processes, before.Processes},
		{"mount ", t.Mounts, before.Mounts},
		{"folder ", t.Files, before.Files},
	} {
		for _, name := range kind.now {
			if !slices.Contains(kind.known, name) {
				left = append(left, kind.what+name)
			}
		}
	}
	return left
}
