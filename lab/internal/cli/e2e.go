package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/e2e"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/instance"
)

func suite() []Command {
	return []Command{{"e2e", "", "the end-to-end suite: up, the plugin in a real kubectl, every scenario, down", runE2E}}
}

func runE2E(ctx context.Context, e Env, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("usage: lab e2e")
	}
	if err := instance.NeedRoot(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return e2e.Suite{Program: self, Dir: e.Dir, Out: e.Out}.Run(ctx)
}
