//go:build !race

package envoy

import (
	"cmp"
	"slices"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	internalupstream "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/internal_upstream/v3"
	proxyproto "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	quic "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/quic/v3"
	rawbuffer "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	starttls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/starttls/v3"
	tap "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tap/v3"
	tcpstats "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tcp_stats/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// socket reads a TransportSocket: its type decides, its name does not. Tap and tcp_stats pass bytes
// on as they are, so that the socket that they wrap is what matters.
func (m *protoModel) socket(s *core.TransportSocket) *TransportSocket {
	if s == nil {
		return nil
	}
	if s.GetTypedConfig() == nil {
		return socketByName(s.GetName())
	}
	out := &TransportSocket{Kind: OtherSocket, TypeURL: anyName(s.GetTypedConfig())}
	switch msg := unpack(m.t, s.GetTypedConfig()).(type) {
	case *tls.UpstreamTlsContext:
		return m.upstreamTLS(msg)
	case *tls.DownstreamTlsContext:
		return m.downstreamTLS(msg)
	case *rawbuffer.RawBuffer:
		out.Kind = Raw
	case *internalupstream.InternalUpstreamTransport:
		out.Kind, out.Inner = Tunnel, m.socket(msg.GetTransportSocket())
	case *proxyproto.ProxyProtocolUpstreamTransport:
		out.Kind, out.Inner = ProxyHeader, m.socket(msg.GetTransportSocket())
	case *tap.Tap:
		return cmp.Or(m.socket(msg.GetTransportSocket()), out)
	case *tcpstats.Config:
		return cmp.Or(m.socket(msg.GetTransportSocket()), out)
	case *quic.QuicDownstreamTransport:
		out.Inner = m.downstreamTLS(msg.GetDownstreamTlsContext())
	case *quic.QuicUpstreamTransport:
		out.Inner = m.upstreamTLS(msg.GetUpstreamTlsContext())
	case *starttls.StartTlsConfig:
		out.Inner = m.downstreamTLS(msg.GetTlsSocketConfig())
	case *starttls.UpstreamStartTlsConfig:
		out.Inner = m.upstreamTLS(msg.GetTlsSocketConfig())
	}
	return out
}

// socketByName: only raw_buffer needs no config.
func socketByName(name string) *TransportSocket {
	switch name {
	case "":
		return nil
	case "raw_buffer", "envoy.transport_sockets.raw_buffer":
		return &TransportSocket{Kind: Raw, TypeURL: rawBuffer}
	}
	return &TransportSocket{Kind: OtherSocket, TypeURL: name}
}

func (m *protoModel) upstreamTLS(u *tls.UpstreamTlsContext) *TransportSocket {
	if u == nil {
		return nil
	}
	c := m.commonTLS(u.GetCommonTlsContext())
	c.SNI, c.AutoHostSNI, c.AutoSANValidation = u.GetSni(), u.GetAutoHostSni(), u.GetAutoSniSanValidation()
	c.Unmodelled = append(c.Unmodelled, m.leftOver(u, "UpstreamTlsContext",
		"common_tls_context", "sni", "auto_host_sni", "auto_sni_san_validation")...)
	return &TransportSocket{Kind: TLS, TypeURL: upstreamTLS, TLS: c}
}

func (m *protoModel) downstreamTLS(d *tls.DownstreamTlsContext) *TransportSocket {
	if d == nil {
		return nil
	}
	c := m.commonTLS(d.GetCommonTlsContext())
	c.RequireClientCertificate = d.GetRequireClientCertificate().GetValue()
	c.Unmodelled = append(c.Unmodelled, m.leftOver(d, "DownstreamTlsContext",
		"common_tls_context", "require_client_certificate")...)
	return &TransportSocket{Kind: TLS, TypeURL: downstreamTLS, TLS: c}
}

func (m *protoModel) commonTLS(common *tls.CommonTlsContext) *TLSContext {
	c := &TLSContext{ALPN: common.GetAlpnProtocols()}
	params := common.GetTlsParams()
	c.MinVersion, c.MaxVersion = versionName(params.GetTlsMinimumProtocolVersion()), versionName(params.GetTlsMaximumProtocolVersion())
	c.Ciphers, c.Curves = params.GetCipherSuites(), params.GetEcdhCurves()
	for _, cert := range common.GetTlsCertificates() {
		c.Certificates = append(c.Certificates, m.inlineCertificate(cert, &c.Unmodelled))
	}
	for _, sds := range common.GetTlsCertificateSdsSecretConfigs() {
		c.Certificates = append(c.Certificates, CertificateRef{SDS: sds.GetName(), SDSVia: sourceOf(sds.GetSdsConfig())})
	}
	m.validationType(common, c)
	c.Unmodelled = append(c.Unmodelled, m.leftOver(params, "TlsParameters",
		"tls_minimum_protocol_version", "tls_maximum_protocol_version", "cipher_suites", "ecdh_curves")...)
	c.Unmodelled = append(c.Unmodelled, m.leftOver(common, "CommonTlsContext", "tls_params", "alpn_protocols",
		"tls_certificates", "tls_certificate_sds_secret_configs",
		"validation_context", "validation_context_sds_secret_config", "combined_validation_context")...)
	return c
}

// validationType reads the validation context, wherever it comes from. What SDS gives is merged
// into the default one, so that its CA replaces the default's.
func (m *protoModel) validationType(common *tls.CommonTlsContext, c *TLSContext) {
	switch v := common.GetValidationContextType().(type) {
	case *tls.CommonTlsContext_ValidationContext:
		c.Validation = m.validation(v.ValidationContext, &c.Unmodelled)
	case *tls.CommonTlsContext_ValidationContextSdsSecretConfig:
		c.Validation = Validation{Present: true, CA: trustOf(v.ValidationContextSdsSecretConfig)}
	case *tls.CommonTlsContext_CombinedValidationContext:
		combined := v.CombinedValidationContext
		c.Validation = m.validation(combined.GetDefaultValidationContext(), &c.Unmodelled)
		if sds := combined.GetValidationContextSdsSecretConfig(); sds != nil {
			c.Validation.CA = trustOf(sds)
		}
		c.Unmodelled = append(c.Unmodelled, m.leftOver(combined, "CombinedCertificateValidationContext",
			"default_validation_context", "validation_context_sds_secret_config")...)
	}
}

func (m *protoModel) validation(v *tls.CertificateValidationContext, unmodelled *[]string) Validation {
	out := Validation{Present: true, Demands: Demands{
		Pins:            certs.Pins{Hashes: v.GetVerifyCertificateHash(), Keys: v.GetVerifyCertificateSpki()},
		AllowExpired:    v.GetAllowExpiredCertificate(),
		AcceptUntrusted: v.GetTrustChainVerification() == tls.CertificateValidationContext_ACCEPT_UNTRUSTED,
		SystemRoots:     v.GetSystemRootCerts() != nil,
		CRLFile:         v.GetCrl().GetFilename(),
		LeafCRLOnly:     v.GetOnlyVerifyLeafCertCrl(),
	}}
	switch list := contentOf(v.GetCrl()); {
	case isRedacted(list), v.GetCrl().GetEnvironmentVariable() != "":
		*unmodelled = append(*unmodelled, "CertificateValidationContext.crl")
	case len(list) > 0:
		out.CRL = certs.ParseCRL(list)
	}
	if depth := v.GetMaxVerifyDepth(); depth != nil {
		out.MaxVerifyDepth = max(1, depth.GetValue())
	}
	out.CA = m.trust(v.GetTrustedCa(), "CertificateValidationContext.trusted_ca", unmodelled)
	out.SANs = m.sans(v, unmodelled)
	m.customValidator(v.GetCustomValidatorConfig(), &out, unmodelled)
	*unmodelled = append(*unmodelled, m.leftOver(v, "CertificateValidationContext",
		"trusted_ca", "match_typed_subject_alt_names", "match_subject_alt_names", "verify_certificate_hash",
		"verify_certificate_spki", "allow_expired_certificate", "trust_chain_verification", "system_root_certs",
		"crl", "only_verify_leaf_cert_crl", "custom_validator_config", "max_verify_depth")...)
	return out
}

// sans reads the matchers. The deprecated field is ignored when the typed one is set.
func (m *protoModel) sans(v *tls.CertificateValidationContext, unmodelled *[]string) (sans []certs.Matcher) {
	for _, typed := range v.GetMatchTypedSubjectAltNames() {
		s := m.stringMatcher(typed.GetMatcher(), unmodelled)
		s.SANType, s.OID = typed.GetSanType().String(), typed.GetOid()
		if typed.GetSanType() == tls.SubjectAltNameMatcher_SAN_TYPE_UNSPECIFIED {
			s.SANType = "unspecified"
		}
		sans = append(sans, s)
	}
	for _, untyped := range v.GetMatchSubjectAltNames() { //nolint:staticcheck // deprecated, and still printed by proxies
		s := m.stringMatcher(untyped, unmodelled)
		if len(v.GetMatchTypedSubjectAltNames()) == 0 {
			sans = append(sans, s)
		}
	}
	return sans
}

func (m *protoModel) customValidator(config *core.TypedExtensionConfig, out *Validation, unmodelled *[]string) {
	if config == nil {
		return
	}
	spiffe, ok := unpack(m.t, config.GetTypedConfig()).(*tls.SPIFFECertValidatorConfig)
	if !ok {
		*unmodelled = append(*unmodelled, "CertificateValidationContext.custom_validator_config")
		return
	}
	for _, td := range spiffe.GetTrustDomains() {
		trust := m.trust(td.GetTrustBundle(), "SPIFFECertValidatorConfig.trust_bundle", unmodelled)
		*unmodelled = append(*unmodelled, m.leftOver(td, "SPIFFECertValidatorConfig.TrustDomain", "name", "trust_bundle")...)
		if trust == nil {
			continue
		}
		if trust.File != "" {
			*unmodelled = append(*unmodelled, "SPIFFECertValidatorConfig.trust_bundle")
		}
		if out.SPIFFE == nil {
			out.SPIFFE = map[string]*certs.Bundle{}
		}
		out.SPIFFE[td.GetName()] = trust.Bundle
	}
	*unmodelled = append(*unmodelled, m.leftOver(spiffe, "SPIFFECertValidatorConfig", "trust_domains")...)
}

func (m *protoModel) stringMatcher(s *matcher.StringMatcher, unmodelled *[]string) certs.Matcher {
	out := certs.Matcher{IgnoreCase: s.GetIgnoreCase()}
	switch p := s.GetMatchPattern().(type) {
	case *matcher.StringMatcher_Exact:
		out.Kind, out.Value = "exact", p.Exact
	case *matcher.StringMatcher_Prefix:
		out.Kind, out.Value = "prefix", p.Prefix
	case *matcher.StringMatcher_Suffix:
		out.Kind, out.Value = "suffix", p.Suffix
	case *matcher.StringMatcher_Contains:
		out.Kind, out.Value = "contains", p.Contains
	case *matcher.StringMatcher_SafeRegex:
		out.Kind, out.Value = "regex", p.SafeRegex.GetRegex()
	case nil:
	default:
		*unmodelled = append(*unmodelled, m.leftOver(s, "StringMatcher", "ignore_case")...)
	}
	return out
}

// trust reads trusted_ca. What is there and cannot be read is named.
func (m *protoModel) trust(source *core.DataSource, path string, unmodelled *[]string) *TrustRef {
	if file := source.GetFilename(); file != "" {
		return &TrustRef{File: file}
	}
	content := contentOf(source)
	if len(content) == 0 && source.GetEnvironmentVariable() == "" {
		return nil
	}
	bundle, err := certs.ParseBundle(content)
	if err != nil {
		*unmodelled = append(*unmodelled, path)
		return nil
	}
	return &TrustRef{Bundle: bundle}
}

func (m *protoModel) inlineCertificate(c *tls.TlsCertificate, unmodelled *[]string) CertificateRef {
	*unmodelled = append(*unmodelled, m.leftOver(c, "TlsCertificate",
		"certificate_chain", "private_key", "private_key_provider", "ocsp_staple")...)
	chain, problem := chainOf(c.GetCertificateChain())
	file := c.GetCertificateChain().GetFilename()
	if problem != "" || chain == nil && file == "" {
		*unmodelled = append(*unmodelled, "TlsCertificate.certificate_chain")
	}
	return CertificateRef{File: file, Chain: chain}
}

// chainOf parses a chain; the problem says that it is there and cannot be read.
func chainOf(source *core.DataSource) (chain certs.Chain, problem string) {
	content := contentOf(source)
	if len(content) == 0 && source.GetEnvironmentVariable() == "" {
		return nil, ""
	}
	chain, err := certs.ParseChain(content)
	if err != nil {
		return nil, err.Error()
	}
	return chain, ""
}

func (m *protoModel) secret(s *tls.Secret) *Secret {
	out := &Secret{Name: s.GetName()}
	switch t := s.GetType().(type) {
	case *tls.Secret_TlsCertificate:
		out.File = t.TlsCertificate.GetCertificateChain().GetFilename()
		out.Chain, out.Problem = chainOf(t.TlsCertificate.GetCertificateChain())
	case *tls.Secret_ValidationContext:
		m.validationSecret(t.ValidationContext, out)
	case *tls.Secret_GenericSecret, *tls.Secret_SessionTicketKeys:
		out.Problem = "no certificate"
	}
	return out
}

func (m *protoModel) validationSecret(v *tls.CertificateValidationContext, out *Secret) {
	var unmodelled []string
	read := m.validation(v, &unmodelled)
	out.Demands = read.Demands
	out.Unmodelled = slices.DeleteFunc(unmodelled, func(path string) bool { return path == "CertificateValidationContext.trusted_ca" })
	if read.CA != nil {
		out.Bundle, out.File = read.CA.Bundle, read.CA.File
		return
	}
	if ca := v.GetTrustedCa(); len(contentOf(ca)) > 0 || ca.GetEnvironmentVariable() != "" {
		out.Problem = "not read"
	}
}

func contentOf(source *core.DataSource) []byte {
	if text := source.GetInlineString(); text != "" {
		return []byte(text)
	}
	return source.GetInlineBytes()
}

func trustOf(sds *tls.SdsSecretConfig) *TrustRef {
	return &TrustRef{SDS: sds.GetName(), SDSVia: sourceOf(sds.GetSdsConfig())}
}

// sourceOf is the cluster or path that a secret is fetched from.
func sourceOf(c *core.ConfigSource) string {
	switch s := c.GetConfigSourceSpecifier().(type) {
	case *core.ConfigSource_Path:
		return s.Path //nolint:staticcheck // deprecated, and still printed by proxies
	case *core.ConfigSource_PathConfigSource:
		return s.PathConfigSource.GetPath()
	case *core.ConfigSource_Ads:
		return "ads"
	case *core.ConfigSource_ApiConfigSource:
		return apiSource(s.ApiConfigSource)
	}
	return ""
}

func apiSource(a *core.ApiConfigSource) string {
	for _, g := range a.GetGrpcServices() {
		if name := g.GetEnvoyGrpc().GetClusterName() + g.GetGoogleGrpc().GetTargetUri(); name != "" {
			return name
		}
	}
	if names := a.GetClusterNames(); len(names) > 0 {
		return names[0]
	}
	return ""
}

func versionName(v tls.TlsParameters_TlsProtocol) string {
	if v == tls.TlsParameters_TLS_AUTO {
		return ""
	}
	return v.String()
}
