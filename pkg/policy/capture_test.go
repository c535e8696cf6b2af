package policy_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// capture is a recorded mesh: what policies say, and what proxies run.
type capture struct {
	kube.Resources
	mesh    *kube.MeshConfig
	proxies map[kube.Key]*dump // by pod
	pods    map[kube.Key]*kube.Pod
	byIP    map[string]*kube.Pod
}

// dump is a config dump as far as policy decides it.
type dump struct {
	Configs []struct {
		Clusters []struct {
			Cluster cluster `json:"cluster"`
		} `json:"dynamic_active_clusters"`
		Listeners []struct {
			Name   string `json:"name"`
			Active struct {
				Listener struct {
					Chains []chain `json:"filter_chains"`
				} `json:"listener"`
			} `json:"active_state"`
		} `json:"dynamic_listeners"`
		Endpoints []struct {
			Config struct {
				Cluster   string `json:"cluster_name"`
				Endpoints []struct {
					LB []lbEndpoint `json:"lb_endpoints"`
				} `json:"endpoints"`
			} `json:"endpoint_config"`
		} `json:"dynamic_endpoint_configs"`
	} `json:"configs"`
}

type cluster struct {
	Name     string  `json:"name"`
	Type     string  `json:"type"`
	Socket   *socket `json:"transport_socket"`
	Matches  []any   `json:"transport_socket_matches"`
	Metadata struct {
		Filter struct {
			Istio struct {
				Config   string `json:"config"`
				Services []struct {
					Namespace string `json:"namespace"`
				} `json:"services"`
			} `json:"istio"`
		} `json:"filter_metadata"`
	} `json:"metadata"`
}

type socket struct {
	Config struct {
		Common struct {
			Certificates []struct {
				Name string `json:"name"`
			} `json:"tls_certificate_sds_secret_configs"`
		} `json:"common_tls_context"`
	} `json:"typed_config"`
}

type chain struct {
	Match struct {
		Port     uint32 `json:"destination_port"`
		Protocol string `json:"transport_protocol"`
	} `json:"filter_chain_match"`
	Socket *socket `json:"transport_socket"`
}

type lbEndpoint struct {
	Endpoint struct {
		Address struct {
			Socket struct {
				Address string `json:"address"`
				Port    uint32 `json:"port_value"`
			} `json:"socket_address"`
		} `json:"address"`
	} `json:"endpoint"`
	Metadata struct {
		Filter struct {
			Match struct {
				TLSMode string `json:"tlsMode"`
			} `json:"envoy.transport_socket_match"`
		} `json:"filter_metadata"`
	} `json:"metadata"`
}

// TestCaptures compares what the policies predict with what every recorded proxy runs.
func TestCaptures(t *testing.T) {
	files, err := filepath.Glob("../../testdata/captures/*.tar.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".tar.gz")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := readCapture(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.proxies) == 0 || len(c.Services) == 0 || c.mesh == nil {
				t.Fatal("the capture has no proxies, no services or no mesh config")
			}
			t.Run("clusters", c.compareClusters)
			t.Run("endpoints", c.compareEndpoints)
			t.Run("listeners", func(t *testing.T) { c.compareListeners(t, disagreements(name)) })
		})
	}
}

func readCapture(file string) (*capture, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	c := &capture{proxies: map[kube.Key]*dump{}, pods: map[kube.Key]*kube.Pod{}, byIP: map[string]*kube.Pod{}}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if _, member, ok := strings.Cut("/"+h.Name, "/bundle/"); ok {
			if err := c.member(member, r); err != nil {
				return nil, fmt.Errorf("%s: %w", h.Name, err)
			}
		}
	}
	for _, m := range c.ConfigMaps {
		if m.Name == "istio" && c.mesh == nil {
			if c.mesh, err = kube.ParseMeshConfig([]byte(m.Data["mesh"])); err != nil {
				return nil, err
			}
		}
	}
	for _, p := range c.Pods {
		c.pods[p.Key()], c.byIP[p.Status.PodIP] = p, p
	}
	return c, nil
}

func (c *capture) member(name string, r io.Reader) error {
	dir, base := path.Split(name)
	switch {
	case name == "istiod/mesh.json":
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		c.mesh, err = kube.ParseMeshConfig(bytes.TrimSpace(data))
		return err
	case dir == "kubernetes/":
		kind, ok := kube.KindByID(strings.TrimSuffix(base, ".json"))
		if !ok {
			return nil
		}
		_, err := c.AddList(kind, r)
		return err
	case strings.HasPrefix(base, "config_dump"): // whole, or a member for each section
		pod := strings.Split(dir, "/") // proxies/NAMESPACE/POD/
		key := kube.Key{Namespace: pod[1], Name: pod[2]}
		if c.proxies[key] == nil {
			c.proxies[key] = new(dump)
		}
		var part dump
		err := json.UnmarshalRead(r, &part)
		c.proxies[key].Configs = append(c.proxies[key].Configs, part.Configs...)
		return err
	}
	return nil
}
