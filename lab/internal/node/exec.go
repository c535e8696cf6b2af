package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/container"
)

// streams are a command's; any may be nil.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// exec runs a command in the running container, as its user.
func (k *keeper) exec(ctx context.Context, args []string, s streams) error {
	uid, _ := identity(k.w.pod(), k.spec)
	return k.execAs(ctx, uid, args, s)
}

// execAs runs a command in the running container as user and group uid.
func (k *keeper) execAs(ctx context.Context, uid int, args []string, s streams) error {
	k.mu.Lock()
	process := k.process
	k.mu.Unlock()
	if process == nil {
		return fmt.Errorf("container %s does not run", k.spec.Name)
	}
	env, err := k.w.agent.environment(k.w, k.spec)
	if err != nil {
		return err
	}
	cmd, err := container.Command(container.Spec{Args: args, Env: env.list(), Dir: k.spec.WorkingDir, UID: uid, GID: uid}, process.Pid)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = s.out, s.err
	if err := feed(cmd, s.in); err != nil {
		return err
	}
	if err := container.StartIn(cmd, process.Pid, k.w.network); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	return errors.Join(cmd.Wait(), ctx.Err())
}

// feed copies in to the command's input. It is not waited for when the command has ended: in
// may stay open as long as its sender likes.
func feed(cmd *exec.Cmd, in io.Reader) error {
	if in == nil {
		return nil
	}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(pipe, in) // the command may have ended before it has read all
		_ = pipe.Close()
	}()
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
