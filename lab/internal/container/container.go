// Package container runs one process as a container sees itself: the first process of its own
// process namespace, with a root file system put together from the machine's programs, the
// lab's programs and the pod's volumes, in the pod's network.
//
// There is no image and no layer. What a container writes outside its volumes is in memory and
// ends with it; no mount is visible outside, and when the container's first process ends the
// kernel ends all others.
package container

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/netns"
)

// Mount shows Source, a file or directory of the machine, at Target.
type Mount struct {
	Source, Target string
	ReadOnly       bool
}

// Spec is one container.
type Spec struct {
	Hostname string
	Mounts   []Mount           // parents before children
	Files    map[string]string // small files of its own, by path
	Args     []string          // Args[0] is looked up in the PATH of Env
	Env      []string
	Dir      string // working directory; "/" when empty
	UID, GID int
}

// Start runs the container in the network namespace, both output streams going to log.
func Start(spec Spec, network *netns.Namespace, log *os.File) (*exec.Cmd, error) {
	cmd, err := command(spec, modeNew)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	err = network.Do(cmd.Start)
	closeAll(cmd.ExtraFiles)
	if err != nil {
		return nil, fmt.Errorf("start %q: %w", spec.Args, err)
	}
	return cmd, nil
}

// Command prepares a command inside the running container whose first process is pid. Of spec
// it takes Args, Env, Dir, UID and GID. Set the streams, then call StartIn.
func Command(spec Spec, pid int) (*exec.Cmd, error) {
	cmd, err := command(spec, modeJoin)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenFile(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		closeAll(cmd.ExtraFiles)
		return nil, fmt.Errorf("enter the container: %w", err)
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, root)
	return cmd, nil
}

// StartIn starts a command made by Command in the container's network and process namespace.
func StartIn(cmd *exec.Cmd, pid int, network *netns.Namespace) error {
	defer closeAll(cmd.ExtraFiles)
	return network.Do(func() error {
		restore, err := joinProcesses(pid)
		if err != nil {
			return err
		}
		return firstError(cmd.Start(), restore())
	})
}

// joinProcesses makes the next children of this (locked) thread members of pid's process namespace.
func joinProcesses(pid int) (restore func() error, err error) {
	theirs, err := os.Open(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	ours, err := os.Open("/proc/self/ns/pid")
	if err != nil {
		return nil, err
	}
	restore = func() error {
		defer ours.Close()
		return unix.Setns(int(ours.Fd()), unix.CLONE_NEWPID)
	}
	if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWPID); err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("enter the process namespace of %d: %w", pid, err)
	}
	return restore, nil
}

// command is this program again, as the shim that Main runs, with the spec on a pipe.
func command(spec Spec, mode string) (*exec.Cmd, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	in, err := memfile(text)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: []string{shimName, mode}, Env: []string{}, ExtraFiles: []*os.File{in}}
	return cmd, nil
}

// memfile is an unnamed file in memory that holds text.
func memfile(text []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("spec", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), "spec")
	if _, err := f.WriteAt(text, 0); err != nil {
		return nil, err
	}
	return f, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
