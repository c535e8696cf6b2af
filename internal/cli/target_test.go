package cli

import "testing"

// Where every target names its namespace, that of the kubeconfig has no say, and no place in the report.
func TestAllPlaced(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  bool
	}{
		{nil, false},
		{[]string{"deploy/cart"}, false},
		{[]string{"shop/cart"}, true},
		{[]string{"shop/deploy/cart", "cart.shop", "ns/pay"}, true},
		{[]string{"shop/cart", "pod/x"}, false},
	} {
		if got := allPlaced(c.words); got != c.want {
			t.Errorf("%v: %t", c.words, got)
		}
	}
}
