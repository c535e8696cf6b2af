package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/api"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/client"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

const (
	patience = 3 * time.Minute
	farewell = 5 * time.Second
)

// DaemonCommand is the hidden command of this program that becomes the lab.
const DaemonCommand = "daemon"

// NeedRoot says what a user without the rights has to know.
func NeedRoot() error {
	if os.Geteuid() == 0 {
		return nil
	}
	return errors.New("the lab makes network, mount and process namespaces and iptables rules of its own, which only root may: run it with sudo, or in a privileged CI job")
}

// Up starts the lab, unless it runs already, and returns when it is ready. rbac is the file
// with the product's roles.
func Up(ctx context.Context, dir layout.Dir, rbac string, progress io.Writer) error {
	if err := NeedRoot(); err != nil {
		return err
	}
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := Load(dir)
	if errors.Is(err, ErrDown) {
		s, err = launch(dir, rbac)
	}
	if err != nil {
		return err
	}
	if err := waitReady(ctx, dir, s, progress); err != nil {
		return fmt.Errorf("%w; see %s", err, dir.Run("logs"))
	}
	return nil
}

// launch starts the daemon in namespaces of its own.
func launch(dir layout.Dir, rbac string) (State, error) {
	if err := os.RemoveAll(dir.Run()); err != nil {
		return State{}, fmt.Errorf("remove what an earlier lab left: %w", err)
	}
	if err := os.MkdirAll(dir.Run("logs"), 0o755); err != nil {
		return State{}, err
	}
	log, err := os.Create(dir.Run("logs", "daemon.log"))
	if err != nil {
		return State{}, err
	}
	defer log.Close()
	cmd := exec.Command("/proc/self/exe", DaemonCommand, string(dir), rbac)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	if err := cmd.Start(); err != nil {
		return State{}, fmt.Errorf("start the lab: %w", err)
	}
	s, err := save(dir, cmd.Process.Pid)
	go func() { _ = cmd.Wait() }() // seen by waitReady as a process that has ended
	return s, err
}

func waitReady(ctx context.Context, dir layout.Dir, s State, progress io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last := ""
	for {
		phase, err := client.New(dir).Phase(ctx)
		switch {
		case !s.alive():
			return fmt.Errorf("the lab has ended while starting%s", lastLine(dir))
		case err == nil && phase == api.Ready:
			return nil
		case err == nil && phase != last:
			fmt.Fprintln(progress, "lab:", phase)
			last = phase
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the lab (%s): %w", last, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func lastLine(dir layout.Dir) string {
	text, err := os.ReadFile(dir.Run("logs", "daemon.log"))
	if err != nil || len(text) == 0 {
		return ""
	}
	return ": " + string(text[max(0, len(text)-600):])
}

// Down ends the lab and removes everything that it had. A lab that is not up is no error.
func Down(dir layout.Dir) error {
	if err := NeedRoot(); err != nil {
		return err
	}
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := Load(dir)
	if err == nil {
		err = s.end()
	}
	if err != nil && !errors.Is(err, ErrDown) {
		return err
	}
	return os.RemoveAll(dir.Run())
}

// end asks the process to end, then makes it; the kernel ends all others of the lab with it.
func (s State) end() error {
	fd, err := unix.PidfdOpen(s.PID, 0)
	if err != nil {
		return fmt.Errorf("open the lab's process: %w", err)
	}
	defer unix.Close(fd)
	if !s.alive() { // the id was given to another process before it was opened
		return nil
	}
	for _, signal := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(poll, int(farewell.Milliseconds())); err == nil && n > 0 {
			return nil
		}
	}
	return fmt.Errorf("process %d of the lab does not end", s.PID)
}

// lock keeps two commands from starting and ending the same lab at once.
func lock(dir layout.Dir) (unlock func(), err error) {
	if err := os.MkdirAll(string(dir), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(dir.Join(".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}
