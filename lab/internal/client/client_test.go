package client

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
)

func TestPick(t *testing.T) {
	pods := []node.PodInfo{
		{Namespace: "shop", Name: "server-1", Workload: "server"},
		{Namespace: "shop", Name: "web-1", Workload: "web"},
		{Namespace: "shop", Name: "web-2", Workload: "web"},
		{Namespace: "pay", Name: "web-1", Workload: "web"},
	}
	tests := map[string]struct{ want, fails string }{
		"shop/server":   {want: "server-1"},
		"shop/server-1": {want: "server-1"},
		"shop/web":      {fails: "2 pods"},
		"shop/web-2":    {want: "web-2"},
		"pay/web":       {want: "web-1"},
		"server":        {fails: "no pod"},
		"":              {fails: "no pod"},
	}
	for name, test := range tests {
		got, err := pick(pods, name)
		if got.Name != test.want || (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("pick(%q) = %q, %v; want %q, error %q", name, got.Name, err, test.want, test.fails)
		}
	}
}
