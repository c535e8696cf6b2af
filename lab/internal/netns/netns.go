// Package netns holds network namespaces open by file descriptor. They have no
// name anywhere, so they end with the process that holds them, however it ends.
package netns

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Namespace is one network namespace.
type Namespace struct{ file *os.File }

// New makes an empty network namespace: a loopback interface that is down, no routes.
func New() (*Namespace, error) {
	var made *Namespace
	err := elsewhere(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() (err error) {
		made, err = Current()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	return made, nil
}

// Current is the namespace of the calling thread.
func Current() (*Namespace, error) { return open("/proc/thread-self/ns/net") }

// Of is the namespace of a running process.
func Of(pid int) (*Namespace, error) { return open(fmt.Sprintf("/proc/%d/ns/net", pid)) }

func open(path string) (*Namespace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open a network namespace: %w", err)
	}
	return &Namespace{f}, nil
}

// Fd is the descriptor, good for netlink; it stays owned by n.
func (n *Namespace) Fd() int { return int(n.file.Fd()) }

// Close lets go of the namespace; it ends when its last process has ended.
func (n *Namespace) Close() error { return n.file.Close() }

// Enter moves the calling thread, which must be locked, into n for good.
func (n *Namespace) Enter() error { return unix.Setns(n.Fd(), unix.CLONE_NEWNET) }

// Do runs f in n. Sockets opened and processes started by f stay in n.
// f must not start goroutines that open sockets: they would open them outside.
func (n *Namespace) Do(f func() error) error { return elsewhere(n.Enter, f) }

// elsewhere runs f on a thread that move has taken to another network namespace, and brings
// the thread back. A thread that can not be brought back is ended, never reused.
func elsewhere(move, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := Current()
		if err == nil {
			err = move()
		}
		if err == nil {
			err = f()
		}
		if home != nil {
			if home.Enter() == nil {
				runtime.UnlockOSThread()
			}
			_ = home.Close()
		}
		done <- err
	}()
	return <-done
}
