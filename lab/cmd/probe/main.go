// Command probe is the instrument of `lab truth` inside pods: probe drive < CALLS > RESULTS,
// probe watch, probe post URL.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/probe"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "drive":
		return drive(ctx)
	case len(args) == 1 && args[0] == "watch":
		return probe.Watch(ctx)
	case len(args) == 2 && args[0] == "post":
		return post(ctx, args[1])
	default:
		return errors.New("usage: probe drive | watch | post URL")
	}
}

func drive(ctx context.Context) error {
	var calls []probe.Call
	if err := json.NewDecoder(os.Stdin).Decode(&calls); err != nil {
		return fmt.Errorf("read the calls: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(probe.Drive(ctx, calls))
}

func post(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
