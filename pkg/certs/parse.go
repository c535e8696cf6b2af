package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
)

// ErrNoCertificate says that there is no certificate at all.
var ErrNoCertificate = errors.New("no certificate found")

// certificateLabels are the PEM labels that BoringSSL's
// PEM_read_bio_X509_AUX and PEM_X509_INFO_read_bio take for a certificate
// (crypto/pem/pem_lib.cc, pem_info.cc).
var certificateLabels = []string{"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}

const (
	pemBegin  = "-----BEGIN "
	crlLabel  = "X509 CRL"
	derSeqTag = 0x30
)

// material is what a PEM or DER file holds that the mesh's TLS cares for.
type material struct {
	certs []*x509.Certificate
	crl   *CRL // nil without a list
}

// parse reads PEM, or DER when there is no PEM armour.
func parse(data []byte) (material, error) {
	if bytes.Contains(data, []byte(pemBegin)) {
		return parsePEM(data)
	}
	return parseDER(data)
}

// parsePEM reads block by block. Text around the blocks is ignored as in
// OpenSSL; a block that starts and cannot be decoded is an error, as in Envoy
// (Go's pem.Decode would silently step over it).
func parsePEM(data []byte) (material, error) {
	var m material
	for i, part := range pemParts(data) {
		block, _ := pem.Decode(part)
		if block == nil {
			return material{}, fmt.Errorf("PEM block %d (%s) is malformed: check its base64 and its END line", i+1, label(part))
		}
		if err := m.add(block); err != nil {
			return material{}, fmt.Errorf("PEM block %d (%s): %w", i+1, label(part), err)
		}
	}
	if len(m.certs) == 0 {
		return material{}, fmt.Errorf("%w among %d PEM blocks", ErrNoCertificate, len(pemParts(data)))
	}
	return m, nil
}

// add keeps a certificate or a revocation list and forgets anything else, keys
// above all.
func (m *material) add(block *pem.Block) error {
	switch {
	case slices.Contains(certificateLabels, block.Type):
		return m.addDER(block.Bytes, block.Type == "TRUSTED CERTIFICATE")
	case block.Type == crlLabel:
		if m.crl == nil {
			m.crl = new(CRL)
		}
		m.crl.add(block.Bytes)
	}
	return nil
}

// addDER keeps one certificate. OpenSSL's trusted form has settings behind it,
// which Envoy hardly ever meets and which are dropped.
func (m *material) addDER(der []byte, trailing bool) error {
	if trailing {
		der, _ = derElement(der)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	m.certs = append(m.certs, cert)
	return nil
}

func parseDER(data []byte) (material, error) {
	var m material
	if len(data) == 0 || data[0] != derSeqTag {
		return m, fmt.Errorf("%w: neither PEM nor DER", ErrNoCertificate)
	}
	for i := 1; len(data) > 0; i++ {
		der, rest := derElement(data)
		if err := m.addDER(der, false); err != nil {
			return material{}, fmt.Errorf("DER certificate %d: %w", i, err)
		}
		data = rest
	}
	return m, nil
}

// derElement cuts the first ASN.1 element off, or gives all if there is none.
func derElement(data []byte) (first, rest []byte) {
	var raw asn1.RawValue
	rest, err := asn1.Unmarshal(data, &raw)
	if err != nil {
		return data, nil
	}
	return raw.FullBytes, rest
}

// pemParts splits before every BEGIN line, so that each part holds one block.
func pemParts(data []byte) [][]byte {
	var parts [][]byte
	for {
		start := bytes.Index(data, []byte(pemBegin))
		if start < 0 {
			return parts
		}
		data = data[start:]
		end := bytes.Index(data[len(pemBegin):], []byte(pemBegin))
		if end < 0 {
			return append(parts, data)
		}
		end += len(pemBegin)
		parts = append(parts, data[:end])
		data = data[end:]
	}
}

// label names a block by its BEGIN line; it never returns a line of content.
func label(part []byte) string {
	rest := part[len(pemBegin):]
	end := bytes.Index(rest, []byte("-----"))
	if end < 0 || end > 40 || bytes.ContainsAny(rest[:end], "\r\n") {
		return "no label"
	}
	return fmt.Sprintf("%q", rest[:end])
}
