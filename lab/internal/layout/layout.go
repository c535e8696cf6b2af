// Package layout says where the lab keeps its files and what its fixed addresses are.
package layout

import (
	"errors"
	"net"
	"os"
	"path/filepath"
)

// The addresses of a lab. Two labs have the same ones: their networks never meet.
const (
	NodeIP       = "10.244.0.1" // the node: API server, kubelet, DNS
	PodCIDR      = "10.244.0.0/16"
	ServiceCIDR  = "10.96.0.0/16"
	APIServerVIP = "10.96.0.1"
	APIPort      = "6443"
	KubeletPort  = "10250"
	Domain       = "cluster.local"
	NodeName     = "node-0"
)

// Node is NodeIP.
func Node() net.IP { return net.ParseIP(NodeIP).To4() }

// Services is ServiceCIDR.
func Services() *net.IPNet {
	_, services, _ := net.ParseCIDR(ServiceCIDR)
	return services
}

// Dir is a lab's work folder. What `lab build` makes is kept; everything under Run ends with `lab down`.
type Dir string

// Join is a path in the folder.
func (d Dir) Join(elem ...string) string {
	return filepath.Join(append([]string{string(d)}, elem...)...)
}

// Bin holds the programs, Share the files that images would hold.
func (d Dir) Bin(name string) string { return d.Join("bin", name) }

// Share is a file that `lab build` made and that is no program.
func (d Dir) Share(name string) string { return d.Join("share", name) }

// Run is a file of the running lab.
func (d Dir) Run(elem ...string) string { return d.Join(append([]string{"run"}, elem...)...) }

// Kubeconfig is the administrator's; ReaderKubeconfig may do what deploy/rbac.yaml allows.
func (d Dir) Kubeconfig() string { return d.Run("kubeconfig") }

// ReaderKubeconfig is that of a user with exactly the rights that the product asks for.
func (d Dir) ReaderKubeconfig() string { return d.Run("reader.kubeconfig") }

// Socket is where the lab's daemon listens for commands.
func (d Dir) Socket() string { return d.Run("lab.sock") }

// Source finds the lab's source folder (the one with tools/istio/go.mod) at or above from.
func Source(from string) (string, error) {
	from, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	for dir := from; ; dir = filepath.Dir(dir) {
		for _, candidate := range []string{dir, filepath.Join(dir, "lab")} {
			if _, err := os.Stat(filepath.Join(candidate, "tools", "istio", "go.mod")); err == nil {
				return candidate, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the lab's source folder is not here: run this inside the repository")
		}
	}
}
