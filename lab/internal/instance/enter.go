package instance

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/netns"
)

// entered is set in the environment of a program that Exec started, to the lab's process.
const entered = "LAB_ENTERED"

// Exec replaces this program by another one that runs in the lab's network, with KUBECONFIG
// set and the lab's names. Files, user and folder stay. It returns only with an error.
func Exec(dir layout.Dir, args []string, env ...string) error {
	s, err := Load(dir)
	if err != nil {
		return err
	}
	program, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	runtime.LockOSThread() // after exec the program is where this thread is
	network, err := netns.Of(s.PID)
	if err != nil {
		return err
	}
	if err := network.Enter(); err != nil {
		return fmt.Errorf("enter the lab's network (only root may): %w", err)
	}
	if err := resolve(dir); err != nil {
		return fmt.Errorf("show the lab's resolv.conf: %w", err)
	}
	env = append(append(os.Environ(), "KUBECONFIG="+dir.Kubeconfig(), fmt.Sprintf("%s=%d.%d", entered, s.PID, s.Start)), env...)
	return fmt.Errorf("run %s: %w", program, unix.Exec(program, args, env))
}

// resolve shows this thread, in a mount namespace of its own, the lab's /etc/resolv.conf.
func resolve(dir layout.Dir) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount(dir.Run("resolv.conf"), "/etc/resolv.conf", "", unix.MS_BIND, "")
}

// Enter makes sure that this program runs in the lab's network: it starts itself anew there
// when it does not. Call it before anything else is done.
func Enter(dir layout.Dir) error {
	s, err := Load(dir)
	if err != nil {
		return err
	}
	if os.Getenv(entered) == fmt.Sprintf("%d.%d", s.PID, s.Start) {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return Exec(dir, append([]string{self}, os.Args[1:]...))
}
