// Package control runs the control plane: etcd, kube-apiserver, kube-controller-manager.
// It must run inside the lab's network namespace.
package control

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/pki"
)

// Reader is the user of layout.Dir.ReaderKubeconfig.
const Reader = "reader"

const (
	ready     = 60 * time.Second
	apiServer = "https://127.0.0.1:" + layout.APIPort
	etcd      = "http://127.0.0.1:2379"
)

// Start starts the servers and returns when the API server is ready. They end with this process's
// namespace. A server that ends before is told to dead; ctx should end with it.
func Start(ctx context.Context, dir layout.Dir, dead func(error)) (*kube.Client, error) {
	if err := secrets(dir); err != nil {
		return nil, fmt.Errorf("make the control plane's secrets: %w", err)
	}
	if err := errors.Join(start(dir, dead, "etcd", etcdArgs(dir)), start(dir, dead, "kube-apiserver", apiServerArgs(dir))); err != nil {
		return nil, err
	}
	client, err := kube.Open(dir.Kubeconfig())
	if err != nil {
		return nil, err
	}
	if err := WaitReady(ctx, client); err != nil {
		return nil, errors.Join(context.Cause(ctx), err)
	}
	return client, start(dir, dead, "kube-controller-manager", controllerArgs(dir))
}

// WaitReady waits until the API server says that it is ready.
func WaitReady(ctx context.Context, client *kube.Client) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, ready, true, func(ctx context.Context) (bool, error) {
		var code int
		last = client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).StatusCode(&code).Error()
		return last == nil && code == http.StatusOK, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the API server: %w", errors.Join(last, err))
	}
	return nil
}

func etcdArgs(dir layout.Dir) []string {
	return []string{
		"--data-dir=" + dir.Run("etcd"), "--unsafe-no-fsync", "--log-level=error",
		"--listen-client-urls=" + etcd, "--advertise-client-urls=" + etcd, "--listen-peer-urls=http://127.0.0.1:2380",
	}
}

func apiServerArgs(dir layout.Dir) []string {
	return []string{
		"--etcd-servers=" + etcd, "--secure-port=" + layout.APIPort, "--advertise-address=" + layout.NodeIP,
		"--tls-cert-file=" + dir.Run("pki", "server.crt"), "--tls-private-key-file=" + dir.Run("pki", "server.key"),
		"--token-auth-file=" + dir.Run("pki", "tokens.csv"), "--authorization-mode=Node,RBAC", "--allow-privileged",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + dir.Run("pki", "sa.key"), "--service-account-signing-key-file=" + dir.Run("pki", "sa.key"),
		"--service-cluster-ip-range=" + layout.ServiceCIDR, "--kubelet-preferred-address-types=InternalIP",
		"--kubelet-certificate-authority=" + dir.Run("pki", "ca.crt"),
	}
}

// controllerArgs leave out what would judge the node by its heartbeats, which the lab's node does not send.
func controllerArgs(dir layout.Dir) []string {
	return []string{
		"--kubeconfig=" + dir.Kubeconfig(), "--leader-elect=false", "--use-service-account-credentials",
		"--service-account-private-key-file=" + dir.Run("pki", "sa.key"), "--root-ca-file=" + dir.Run("pki", "ca.crt"),
		"--controllers=*,-node-lifecycle-controller,-taint-eviction-controller,-node-ipam-controller,-horizontal-pod-autoscaler-controller",
		"--kube-api-qps=200", "--kube-api-burst=400", "--secure-port=0",
	}
}

func logFile(dir layout.Dir, name string) string { return dir.Run("logs", name+".log") }

func start(dir layout.Dir, dead func(error), name string, args []string) error {
	log, err := os.Create(logFile(dir, name))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(dir.Bin(name), args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, dir.Run()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		dead(fmt.Errorf("%s has ended (%w); its log is %s", name, cmp.Or(cmd.Wait(), io.EOF), logFile(dir, name)))
	}()
	return nil
}

// secrets are made anew for every lab.
func secrets(dir layout.Dir) error {
	now := time.Now()
	ca, err := pki.New("lab", now)
	if err != nil {
		return err
	}
	account, err := pki.New("service accounts", now)
	if err != nil {
		return err
	}
	saKey, err := account.Key()
	if err != nil {
		return err
	}
	server, err := ca.Issue(pkix.Name{CommonName: "lab"}, 365*24*time.Hour, now, "127.0.0.1", layout.NodeIP, layout.APIServerVIP,
		"localhost", layout.NodeName, "kubernetes.default.svc", "kubernetes.default.svc."+layout.Domain, "kubernetes.default", "kubernetes")
	if err != nil {
		return err
	}
	admin, reader := rand.Text(), rand.Text()
	tokens := fmt.Sprintf("%s,admin,admin,system:masters\n%s,%s,%s\n", admin, reader, Reader, Reader)
	return errors.Join(
		server.Write(dir.Run("pki", "server")),
		os.WriteFile(dir.Run("pki", "ca.crt"), ca.PEM(), 0o644),
		os.WriteFile(dir.Run("pki", "sa.key"), saKey, 0o600),
		os.WriteFile(dir.Run("pki", "tokens.csv"), []byte(tokens), 0o600),
		kubeconfig(dir.Kubeconfig(), ca.PEM(), "admin", admin),
		kubeconfig(dir.ReaderKubeconfig(), ca.PEM(), Reader, reader))
}

func kubeconfig(path string, ca []byte, user, token string) error {
	config := api.NewConfig()
	config.Clusters["lab"] = &api.Cluster{Server: apiServer, CertificateAuthorityData: ca}
	config.AuthInfos[user] = &api.AuthInfo{Token: token}
	config.Contexts["lab"] = &api.Context{Cluster: "lab", AuthInfo: user}
	config.CurrentContext = "lab"
	return clientcmd.WriteToFile(*config, path)
}
