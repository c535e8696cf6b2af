package envoy

import (
	"bytes"
	"errors"
	"testing"
)

// seeds are inputs near which bugs live: every shape that the decoder knows, and damaged ones.
func seeds(f *testing.F) {
	f.Helper()
	for _, text := range []string{
		"", "{}", "[]", "null", `""`, `{"configs":{}}`, `{"configs":[{"@type":1}]}`, "\xef\xbb\xbf{}",
		clustersDump(socketClusters), secretsDump(`"name":"a","tls_certificate":{"certificate_chain":{"inline_bytes":"AAAA"}}`),
		listenersDump(`"name":"l","filter_chains":[{"filter_chain_match":{"prefix_ranges":[{"address_prefix":"::"}]},"filters":[{"typed_config":{` + typeOf(networkRBAC) + `,"rules":{"policies":{"a":{"principals":[{"authenticated":{}}]}}}}}]}]`),
		routesDump(`"name":"80","virtual_hosts":[{"routes":[{"match":{"prefix":"/"},"route":{"cluster":"c"}}]}]`),
		`[{"name":"a","connectTimeout":"1s"},{}]`, `{"cluster_statuses":[{"name":"a","host_statuses":[{"stats":[{}]}]}]}`,
		`{"certificates":[{"ca_cert":[{}]}]}`, `{"stats":[{"name":"a","value":1}]}`, "a: 1\nb: \"x\"\n", "a::b:1::c::2\n", "a::[::1::b\n::::\n",
		"# TYPE a b\na{b=\"c\"} 1\n", "a:\n- b\n", `"{\"configs\":[]}"`, `{"a":{"b":{"configs":[{}]}}}`,
		`{"configs":[{"x":{},"@type":"` + spiffeValidator + `"}]}`,
	} {
		f.Add([]byte(text))
	}
}

func FuzzConfigDump(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := NewDecoder(nil)
		err := d.ConfigDump(bytes.NewReader(data))
		checkError(t, err)
		checkProxy(t, d.Proxy())
	})
}

func FuzzClusters(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := NewDecoder(nil)
		err := d.Clusters(bytes.NewReader(data))
		checkError(t, err)
		if err == nil && !d.Proxy().Read.Has(SectionHosts) {
			t.Error("success without hosts read")
		}
	})
}

func FuzzCerts(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := NewDecoder(nil)
		err := d.Certs(bytes.NewReader(data))
		checkError(t, err)
		if err == nil && !d.Proxy().Read.Has(SectionCerts) {
			t.Error("success without certificates read")
		}
	})
}

func FuzzStats(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := NewDecoder(nil)
		err := d.Stats(bytes.NewReader(data))
		checkError(t, err)
		if err == nil && !d.Proxy().Read.Has(SectionStats) {
			t.Error("success without stats read")
		}
	})
}

func FuzzDecodeAny(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, kind, err := DecodeAny(bytes.NewReader(data), nil)
		checkError(t, err)
		checkProxy(t, p)
		if kind == "" || (err == nil && p.Read == 0) {
			t.Errorf("an empty success: kind %q", kind)
		}
	})
}

// checkError wants one of the documented errors, with a sentence.
func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var cut *CutError
	var notRead *NotReadError
	if !errors.As(err, &cut) && !errors.As(err, &notRead) {
		t.Errorf("an undocumented error: %v", err)
	}
}

// checkProxy wants what the model promises of every proxy.
func checkProxy(t *testing.T, p *Proxy) {
	t.Helper()
	for _, l := range p.Listeners {
		if l == nil || l.State == "" {
			t.Errorf("listener = %+v", l)
		}
	}
	for _, c := range p.Clusters {
		if c == nil || c.State == "" || c.ServiceName == "" && c.Name != "" {
			t.Errorf("cluster = %+v", c)
		}
	}
	for _, s := range p.Secrets {
		known := len(s.Chain) > 0 || s.Bundle != nil || s.SPIFFE != nil || s.File != "" || s.Problem != "" || s.State == Warming
		if !known {
			t.Errorf("secret without content or problem: %+v", s)
		}
	}
}
