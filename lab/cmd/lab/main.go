// Command lab runs a real Istio mesh on one machine; see the README beside go.mod.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/cli"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/container"
)

func main() {
	container.Shim()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	err := cli.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}
