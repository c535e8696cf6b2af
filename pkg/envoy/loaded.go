package envoy

// loadedPair reads an admin.v3.Certificate of /certs. Envoy lists a pair once per TLS
// context that uses it, some fifty times a pod: equal ones are kept once.
func (d *Decoder) loadedPair(r *reader, members memberFunc) {
	var found []LoadedCertificate
	members(func(key []byte) {
		switch string(key) {
		case "ca_cert", "cert_chain":
			ca := string(key) == "ca_cert"
			if r.kind() != '[' { // Envoy up to 1.6 printed text
				r.skip()
				return
			}
			r.list(func() { found = append(found, r.loaded(ca)) })
		case "identity": // ztunnel's
			r.skip()
			d.see(KindZtunnel)
			d.suspect("workloads", 0)
		default:
			r.skip()
		}
	})
	if r.err != nil || d.foreign != nil {
		return
	}
	d.proxy.Read |= SectionCerts
	for _, c := range found {
		key := loadedKey{c.CA, c.Path, c.Serial, c.NotAfter.UnixNano()}
		if !d.loaded[key] {
			d.loaded[key] = true
			d.proxy.Loaded = append(d.proxy.Loaded, c)
		}
	}
}

type loadedKey struct {
	ca           bool
	path, serial string
	notAfter     int64
}

// loaded reads a CertificateDetails.
func (r *reader) loaded(ca bool) LoadedCertificate {
	c := LoadedCertificate{CA: ca}
	r.object(func(key []byte) {
		switch string(key) {
		case "path":
			c.Path = r.str()
		case "serial_number":
			c.Serial = r.str()
		case "subject_alt_names":
			r.list(func() { r.object(func(key []byte) { r.alternativeName(&c, key) }) })
		case "valid_from":
			c.NotBefore = r.time()
		case "expiration_time":
			c.NotAfter = r.time()
		default:
			r.skip()
		}
	})
	return c
}

func (r *reader) alternativeName(c *LoadedCertificate, key []byte) {
	switch string(key) {
	case "uri":
		c.URIs = append(c.URIs, r.str())
	case "dns":
		c.DNSNames = append(c.DNSNames, r.str())
	default:
		r.skip()
	}
}
