// Command kubectl-mtls-doctor says which connections of an Istio mesh use mutual TLS, which do
// not, and why. Installed as kubectl-mtls_doctor it is the kubectl plugin `kubectl mtls-doctor`.
package main

import (
	"os"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) }
