// Package instance starts and ends a lab, and enters it.
package instance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// State names the lab's process beyond doubt: a process id alone may have been given to another.
type State struct {
	PID   int
	Start uint64 // ticks since the machine's start, as /proc/PID/stat has it
}

// ErrDown is the error of everything that needs a running lab.
var ErrDown = errors.New("the lab is not up: run `lab up`")

// Load finds the running lab of the folder. The state of a lab that has ended is no state.
func Load(dir layout.Dir) (State, error) {
	text, err := os.ReadFile(dir.Run("state.json"))
	if errors.Is(err, os.ErrNotExist) {
		return State{}, ErrDown
	}
	if err != nil {
		return State{}, err
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		return State{}, fmt.Errorf("read the lab's state: %w", err)
	}
	if !s.alive() {
		return State{}, ErrDown
	}
	return s, nil
}

func save(dir layout.Dir, pid int) (State, error) {
	start, err := startTime(pid)
	if err != nil {
		return State{}, err
	}
	s := State{pid, start}
	text, err := json.Marshal(s)
	if err != nil {
		return State{}, err
	}
	return s, os.WriteFile(dir.Run("state.json"), text, 0o644)
}

func (s State) alive() bool {
	start, err := startTime(s.PID)
	return err == nil && start == s.Start
}

// Running reports whether there is a process of that id, which has not ended.
func Running(pid int) bool {
	_, err := startTime(pid)
	return err == nil
}

func startTime(pid int) (uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStart(text)
}

// parseStart reads field 22 of /proc/PID/stat, proc(5); the second field, the program's name in
// parentheses, may hold anything. A zombie has ended.
func parseStart(stat []byte) (uint64, error) {
	_, rest, ok := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(") "))
	fields := bytes.Fields(rest)
	if !ok || len(fields) < 20 {
		return 0, errors.New("/proc/PID/stat has too few fields")
	}
	if state := string(fields[0]); state == "Z" || state == "X" {
		return 0, os.ErrProcessDone
	}
	return strconv.ParseUint(string(fields[19]), 10, 64)
}
