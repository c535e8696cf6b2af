package container

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	shimName = "lab-container"
	modeNew  = "new"
	modeJoin = "join"

	specFd = 3 // the first of ExtraFiles
	rootFd = 4 // modeJoin only
)

// Shim must be called first thing in main. In a process that Start or StartIn made it becomes
// the container and never returns; in any other process it does nothing.
func Shim() {
	if len(os.Args) != 2 || os.Args[0] != shimName {
		return
	}
	runtime.LockOSThread()
	err := become(os.Args[1])
	fmt.Fprintln(os.Stderr, "lab: start container:", err)
	os.Exit(127)
}

// become turns this process into the container; it returns only with an error.
func become(mode string) error {
	var spec Spec
	text, err := io.ReadAll(os.NewFile(specFd, "spec"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		return fmt.Errorf("read the spec: %w", err)
	}
	if mode == modeJoin {
		err = enterRoot()
	} else {
		err = newRoot(spec)
	}
	if err != nil {
		return err
	}
	return run(spec)
}

func enterRoot() error {
	if err := unix.Fchdir(rootFd); err != nil {
		return fmt.Errorf("enter the container's root: %w", err)
	}
	return unix.Chroot(".")
}

// run drops to the user and executes the program.
func run(spec Spec) error {
	dir := spec.Dir
	if dir == "" {
		dir = "/"
	}
	if err := unix.Chdir(dir); err != nil {
		return fmt.Errorf("change to %s: %w", dir, err)
	}
	program, err := lookup(spec.Args[0], spec.Env)
	if err != nil {
		return err
	}
	if err := identity(spec.UID, spec.GID); err != nil {
		return fmt.Errorf("become user %d: %w", spec.UID, err)
	}
	unix.CloseOnExec(specFd)
	unix.CloseOnExec(rootFd)
	return fmt.Errorf("run %s: %w", program, unix.Exec(program, spec.Args, spec.Env))
}

// identity sets groups, group and user of this thread, the one that goes on after exec.
func identity(uid, gid int) error {
	if err := unix.Setgroups([]int{}); err != nil {
		return err
	}
	if err := unix.Setresgid(gid, gid, gid); err != nil {
		return err
	}
	return unix.Setresuid(uid, uid, uid)
}

// lookup finds a program in the PATH of env, which is not ours.
func lookup(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, e := range env {
		path, ok := strings.CutPrefix(e, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			candidate := filepath.Join(dir, name)
			if info, err := os.Stat(candidate); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
				return candidate, nil
			}
		}
	}
	return "", fmt.Errorf("%s: no such program in the container", name)
}
