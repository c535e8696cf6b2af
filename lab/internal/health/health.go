// Package health is one call of gRPC's health service over plain HTTP/2, at both ends.
// Framing: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, messages:
// https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto
package health

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
)

// Path is the method's.
const Path = "/grpc.health.v1.Health/Check"

// Transport is HTTP/2 with prior knowledge.
func Transport() *http.Transport {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: &protocols, DisableKeepAlives: true}
}

// Request asks whether the service, or the server if it is empty, is healthy. The note travels in
// the message, in a field that no server knows and every server has to ignore.
func Request(ctx context.Context, authority, service, note string) (*http.Request, error) {
	message := frame(append(field(1, service), field(15, note)...))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+authority+Path, io.MultiReader(bytes.NewReader(message))) // of no known length
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	return req, nil
}

// Check is nil when the answer is SERVING. It reads the body.
func Check(resp *http.Response) error {
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	if err != nil {
		return err
	}
	said := func(name string) string { return cmp.Or(resp.Trailer.Get(name), resp.Header.Get(name)) }
	if status := said("Grpc-Status"); status != "0" || !bytes.Equal(answer, serving()) {
		return fmt.Errorf("HTTP %d, gRPC status %q: %s, health %x", resp.StatusCode, status, said("Grpc-Message"), answer)
	}
	return nil
}

// Serve answers SERVING.
func Serve(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	_, _ = w.Write(serving())
	w.Header().Set("Grpc-Status", "0")
}

// serving is a HealthCheckResponse of status SERVING: field 1, varint 1.
func serving() []byte { return frame([]byte{0x08, 0x01}) }

// frame puts a message that is not compressed behind its length.
func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// field is a protobuf field of text; an empty one is left out.
func field(number byte, text string) []byte {
	if text == "" {
		return nil
	}
	return append(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(text))), text...)
}
