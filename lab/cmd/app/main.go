// Command app is what the app containers of the lab run: app serve NAME:PORT…
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/app"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 || args[0] != "serve" {
		return fmt.Errorf("usage: app serve NAME:PORT")
	}
	var ports []app.Port
	for _, a := range args[1:] {
		p, err := app.ParsePort(a)
		if err != nil {
			return err
		}
		ports = append(ports, p)
	}
	id, err := os.Hostname()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return app.Serve(ctx, id, ports)
}
