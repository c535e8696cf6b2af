// Package daemon is the lab itself: one process that is the first of its own process, network
// and mount namespaces. All that belongs to the lab is its child; when it ends, for whatever
// reason, the kernel ends all of that, and nothing is left that had to be cleaned up.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/informers"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/api"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/control"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/dns"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/netns"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/pki"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/services"
)

// Run is the lab's life. rbac is the file with the rights of the reader.
func Run(dir layout.Dir, rbac string) error {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	ctx, dead := context.WithCancelCause(ctx)
	defer dead(nil)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := world(dir); err != nil {
		return fmt.Errorf("set up the lab's namespaces: %w", err)
	}
	status := &status{phase: "starting the API server"}
	client, err := control.Start(ctx, dir, dead)
	if err != nil {
		return err
	}
	agent, err := node.New(client, dir, log)
	if err != nil {
		return err
	}
	if err := serve(ctx, dir, agent, status); err != nil {
		return err
	}
	if err := parts(ctx, client, agent, log); err != nil {
		return err
	}
	status.set("installing Istio")
	if err := mesh.Install(ctx, client, dir.Share("istio.yaml"), rbac, control.Reader); err != nil {
		return err
	}
	status.set(api.Ready)
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// world makes the mounts and the network of the node.
func world(dir layout.Dir) error {
	for _, d := range []string{"logs", "pods", "pki", "pki/public"} {
		if err := os.MkdirAll(dir.Run(d), 0o755); err != nil {
			return err
		}
	}
	return errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""),
		netns.Node(layout.Node(), layout.Services()),
		publicRoot(dir))
}

// publicRoot is what pods have in place of the public authorities: one, of the lab. The whole
// bundle would come back in every config dump of a proxy that verifies against it.
func publicRoot(dir layout.Dir) error {
	ca, err := pki.New("Public Root (lab)", time.Now())
	if err != nil {
		return err
	}
	key, err := ca.Key()
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(dir.Run("pki", "public-root.key"), key, 0o600),
		os.WriteFile(dir.Run("pki", "public", "ca-certificates.crt"), ca.PEM(), 0o644),
		os.WriteFile(dir.Run("resolv.conf"), []byte(node.ResolvConf("default")), 0o644))
}

// parts are the node's: pods, services, names, the kubelet API.
func parts(ctx context.Context, client *kube.Client, agent *node.Agent, log *slog.Logger) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	names := dns.Cluster{
		Domain: layout.Domain, Services: factory.Core().V1().Services().Lister(), Pods: factory.Core().V1().Pods().Lister(),
		EndpointSlices: factory.Discovery().V1().EndpointSlices().Lister(),
	}
	if err := agent.Watch(ctx, factory); err != nil {
		return err
	}
	if err := services.Sync(ctx, factory, layout.ServiceCIDR, log); err != nil {
		return err
	}
	return errors.Join(dns.Serve(ctx, net.JoinHostPort(layout.NodeIP, "53"), names.Lookup), agent.Serve(ctx))
}
