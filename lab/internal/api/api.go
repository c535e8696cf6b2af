// Package api is what the lab's daemon and its client say to each other over the lab's socket.
package api

import "syscall"

// Ready is the phase of a lab that can be used.
const Ready = "ready"

// The bodies of requests and answers on the lab's socket.
type (
	// Status answers GET /status.
	Status struct{ Phase string }
	// Exec is the body of POST /pods/NAMESPACE/NAME/exec. UID -1 is the container's own user.
	Exec struct {
		Container string
		UID       int
		Args      []string
		Stdin     []byte
	}
	// Executed answers it.
	Executed struct {
		Stdout, Stderr []byte
		Code           int
	}
	// Signal is the body of POST …/signal; without Program it goes to the first process.
	Signal struct {
		Container, Program string
		Signal             syscall.Signal
	}
	// Hold is the body of POST …/hold.
	Hold struct {
		Container string
		Held      bool
	}
	// Cut is the body of POST …/cut: connections with a port in Only, or all without one in Spare.
	Cut struct{ Only, Spare []uint16 }
)
