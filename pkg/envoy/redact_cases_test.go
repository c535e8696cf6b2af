package envoy

import "testing"

// testCert and testKey are the two halves of an identity; only one of them may leave.
func testCert(t testing.TB) string {
	t.Helper()
	return string(testCA(t).PEM())
}

func testKey(t testing.TB) string {
	t.Helper()
	return string(testCA(t).Leaf("shop/client").KeyPEM())
}

// redactCases: in and want are templates of plant.
var redactCases = []struct{ name, in, want string }{
	// The five forms in which dumps show a key that is gone already, and the key itself.
	{"key in bytes", `{"private_key":{"inline_bytes":"$PEM64"}}`, `{"private_key":{"inline_bytes":"$EMPTY64"}}`},
	{"key as text", `{"private_key":{"inline_string":"$PEM"}}`, `{"private_key":{"inline_string":"$GONE"}}`},
	{"key that is no PEM", `{"private_key":{"inline_bytes":"$B"}}`, `{"private_key":{"inline_bytes":"$EMPTY64"}}`},
	{"key in place of a file name", `{"private_key":{"filename":"$PEM"}}`, `{"private_key":{"filename":"$GONE"}}`},
	{"secret in place of a file name", `{"private_key":{"filename":"$S"}}`, `{"private_key":{"filename":"$GONE"}}`},
	{"camelCase", `{"tlsCertificate":{"privateKey":{"inlineBytes":"$B"}}}`, `{"tlsCertificate":{"privateKey":{"inlineBytes":"$EMPTY64"}}}`},
	{"escaped name", `{"private\u005fkey":{"inline_string":"$S"}}`, `{"private\u005fkey":{"inline_string":"$GONE"}}`},
	{"key as a bare string", `{"private_key":"$S"}`, `{"private_key":"$GONE"}`},
	{"the same name twice", `{"private_key":{},"private_key":{"inline_string":"$S"}}`, `{"private_key":{},"private_key":{"inline_string":"$GONE"}}`},

	// The other fields that hold key material.
	{
		"secret of the dump",
		`{"secret":{"@type":"t/envoy.extensions.transport_sockets.tls.v3.Secret","name":"default","tls_certificate":{"certificate_chain":{"inline_bytes":"$CERT64"},"private_key":{"inline_bytes":"$PEM64"},"password":{"inline_string":"$S"}}}}`,
		`{"secret":{"@type":"t/envoy.extensions.transport_sockets.tls.v3.Secret","name":"default","tls_certificate":{"certificate_chain":{"inline_bytes":"$CERT64"},"private_key":{"inline_bytes":"$EMPTY64"},"password":{"inline_string":"$GONE"}}}}`,
	},
	{"session ticket keys", `{"session_ticket_keys":{"keys":[{"inline_bytes":"$B"},{"filename":"/etc/ticket"}]}}`, `{"session_ticket_keys":{"keys":[{"inline_bytes":"$EMPTY64"},{"filename":"/etc/ticket"}]}}`},
	{"generic secret", `{"generic_secret":{"secret":{"inline_string":"$S"}}}`, `{"generic_secret":{"secret":{"inline_string":"$GONE"}}}`},
	{"generic secrets", `{"genericSecret":{"secrets":{"a":{"inlineBytes":"$B"},"filename":{"inlineString":"$S"}}}}`, `{"genericSecret":{"secrets":{"a":{"inlineBytes":"$EMPTY64"},"filename":{"inlineString":"$GONE"}}}}`},
	{"PKCS 12", `{"pkcs12":{"inline_bytes":"$B"}}`, `{"pkcs12":{"inline_bytes":"$EMPTY64"}}`},
	{"key provider", `{"private_key_provider":{"provider_name":"cryptomb","typed_config":{"private_key":{"inline_string":"$S"}}}}`, `{"private_key_provider":{"provider_name":"cryptomb","typed_config":{"private_key":{"inline_string":"$GONE"}}}}`},
	{"password as a number", `{"password":12345678}`, `{"password":"$GONE"}`},
	{"list of tokens", `{"tokens":["$S",{"inline_string":"$S"}]}`, `{"tokens":["$GONE",{"inline_string":"$GONE"}]}`},

	// Credentials of filters and services.
	{"gRPC access token", `{"google_grpc":{"call_credentials":[{"access_token":"$S"},{"service_account_jwt_access":{"json_key":"$S","token_lifetime":"60s"}}]}}`, `{"google_grpc":{"call_credentials":[{"access_token":"$GONE"},{"service_account_jwt_access":{"json_key":"$GONE","token_lifetime":"60s"}}]}}`},
	{"redis", `{"auth_username":{"inline_string":"app"},"auth_password":{"inline_string":"$S"}}`, `{"auth_username":{"inline_string":"app"},"auth_password":{"inline_string":"$GONE"}}`},
	{"AWS", `{"inline_credential":{"access_key_id":"AKIA","secret_access_key":"$S","session_token":"$S"}}`, `{"inline_credential":{"access_key_id":"AKIA","secret_access_key":"$GONE","session_token":"$GONE"}}`},
	{"basic_auth", `{"users":{"inline_string":"user:{SHA}$S"}}`, `{"users":{"inline_string":"$GONE"}}`},
	{"api_key_auth", `{"credentials":[{"key":"$S","client":"one"}]}`, `{"credentials":[{"key":"$GONE","client":"one"}]}`},
	{"private web key", `{"local_jwks":{"inline_string":"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"abc\",\"d\":\"$S\"}]}"}}`, `{"local_jwks":{"inline_string":"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"abc\",\"d\":\"$GONE\"}]}"}}`},

	// Headers, in whatever order their halves come.
	{"authorization header", `{"request_headers_to_add":[{"header":{"key":"Authorization","value":"Bearer $S"}}]}`, `{"request_headers_to_add":[{"header":{"key":"Authorization","value":"$GONE"}}]}`},
	{"value first", `{"initial_metadata":[{"value":"$S","key":"x-api-key"}]}`, `{"initial_metadata":[{"key":"x-api-key","value":"$GONE"}]}`},
	{"raw value", `{"key":"cookie","raw_value":"$B"}`, `{"key":"cookie","raw_value":"$EMPTY64"}`},
	{"header matcher", `{"headers":[{"name":"authorization","string_match":{"exact":"$S","ignore_case":true}}]}`, `{"headers":[{"name":"authorization","string_match":{"exact":"$GONE","ignore_case":true}}]}`},
	{"header matcher, sorted", `{"exact_match":"$S","name":"x-auth-token"}`, `{"name":"x-auth-token","exact_match":"$GONE"}`},
	{"matcher first", `{"string_match":{"exact":"$S"},"name":"authorization","invert_match":true}`, `{"name":"authorization","string_match":{"exact":"$GONE"},"invert_match":true}`},
	{"header map", `{"headers":{"authorization":"$S","accept":"*/*"}}`, `{"headers":{"authorization":"$GONE","accept":"*/*"}}`},
	{"bearer in another header", `{"key":"x-forwarded-auth","value":"Bearer $S"}`, `{"key":"x-forwarded-auth","value":"Bearer $GONE"}`},
	{"variable", `{"name":"DB_PASSWORD","value":"$S"}`, `{"name":"DB_PASSWORD","value":"$GONE"}`},

	// Strings that no schema describes.
	{"key and certificate in one text", `{"certificate_chain":{"inline_string":"$BOTH"}}`, `{"certificate_chain":{"inline_string":"$REST"}}`},
	{"key and certificate in base64", `{"certificate_chain":{"inline_bytes":"$BOTH64"}}`, `{"certificate_chain":{"inline_bytes":"$REST64"}}`},
	{"key in base64 in text", `{"inline_code":"local k = decode('$PEM64')"}`, `{"inline_code":"local k = decode('` + "W3JlZGFjdGVkXQo=" + `')"}`},
	{"key without an end", `{"note":"see -----BEGIN RSA PRIVATE KEY-----\n$S"}`, `{"note":"see $GONE"}`},
	{"key with escaped characters", `{"note":"\u002d----BEGIN EC PRIVATE KEY-----\n$S\n-----END EC PRIVATE KEY-----"}`, `{"note":"$GONE"}`},
	{"key in a name", `{"-----BEGIN PRIVATE KEY-----$S":1}`, `{"$GONE":1}`},
	{"opaque message", `{"@type":"t/unknown","value":"` + "CgtQUklWQVRFIEtFWQAB" + `","raw_value":"CgtQUklWQVRFIEtFWQAB"}`, `{"@type":"t/unknown","value":"$EMPTY64","raw_value":"$EMPTY64"}`},
	{"web token", `{"inline_string":"x eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.$S y"}`, `{"inline_string":"x $GONE y"}`},
	{"URL", `{"uri":"redis://app:$S@redis.shop:6379/0"}`, `{"uri":"redis://app:$GONE@redis.shop:6379/0"}`},
	{"flag", `{"args":"--user app --password=$S --port 80"}`, `{"args":"--user app --password=$GONE --port 80"}`},
	{"node metadata", `{"node":{"metadata":{"GITHUB_TOKEN":"$S","LABELS":{"token":"blue"},"ISTIO_VERSION":"1.31.0"}}}`, `{"node":{"metadata":{"GITHUB_TOKEN":"$GONE","LABELS":{"token":"blue"},"ISTIO_VERSION":"1.31.0"}}}`},
	{"annotation", `{"last-applied":"{\"env\":[{\"name\":\"API_KEY\",\"value\":\"$S\"}],\"n\":1.50}\n"}`, `{"last-applied":"{\"env\":[{\"name\":\"API_KEY\",\"value\":\"$GONE\"}],\"n\":1.50}"}`},
	{"dump as a string", `"{\"configs\":[{\"private_key\":{\"inline_bytes\":\"$B\"}}]}"`, `"{\"configs\":[{\"private_key\":{\"inline_bytes\":\"$EMPTY64\"}}]}"`},
}

// keptCases come out byte for byte.
var keptCases = []string{
	`null`, `0`, `""`, `[]`, `{}`, `"x"`,
	`{"weight":1.50,"big":18446744073709551616,"exp":-1E400,"zero":-0}`,
	`{"text":"caf\u00e9 \/ \ud83d\ude00 <inline>"}`,
	`{"private_key":{"inline_bytes":"$EMPTY64"}}`,
	`{"private_key":{"inline_string":"$GONE"}}`,
	`{"private_key":{"inline_bytes":""}}`,
	`{"private_key":{"filename":"/etc/certs/key.pem"}}`,
	`{"private_key":{"filename":"$GONE"}}`,
	`{"private_key":{"environment_variable":"TLS_KEY"}}`,
	`{"private_key":null,"password":{}}`,
	`{"certificate_chain":{"inline_bytes":"$CERT64"},"trusted_ca":{"inline_string":"$CERT"}}`,
	`{"dynamic_active_secrets":[{"name":"default","secret":{"name":"default"}}]}`,
	`{"tls_certificate_sds_secret_configs":[{"name":"default","sds_config":{"api_config_source":{"grpc_services":[{"envoy_grpc":{"cluster_name":"sds-grpc"}}]}}}]}`,
	`{"session_ticket_keys_sds_secret_config":{"name":"tickets"}}`,
	`{"token_bucket":{"max_tokens":100,"tokens_per_fill":100,"fill_interval":"1s"}}`,
	`{"policies":{"ns[shop]-policy[token]-rule[0]":{"principals":[{"authenticated":{"principal_name":{"exact":"spiffe://cluster.local/ns/shop/sa/token"}}}]}}}`,
	`{"filter_state":{"key":"io.istio.peer_principal","string_match":{"exact":"spiffe://cluster.local/ns/shop/sa/client"}}}`,
	`{"stats":[{"name":"cluster.outbound|80||token.shop;.upstream_cx","value":7},{"name":"jwt.token_valid","value":3}]}`,
	`{"name":"cx_total","value":"1"}`,
	`{"cluster_name":"outbound|80||secret-service.shop.svc.cluster.local"}`,
	`{"path":"/var/run/secrets/tokens/istio-token","subject_token_path":"/a","SECRET_TTL":"24h"}`,
	`{"details":"basic authentication, bearer of news, token bucket, secret: default"}`,
	`{"log":"%REQ(AUTHORIZATION)% authorization=%REQ(AUTHORIZATION)%\n"}`,
	`{"match":{"token":"blue"},"metadata":{"filter_metadata":{"envoy.transport_socket_match":{"tlsMode":"istio","secret":"x"}}}}`,
	`{"POD_PORTS":"[\n{\"name\":\"http\",\"containerPort\":8080}\n]"}`,
	`{"keys":"[1,2","json":"{\"d\":\"x\",\"k\":\"y\"}"}`,
	`{"local_jwks":{"inline_string":"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"abc\",\"e\":\"AQAB\"}]}"}}`,
}
