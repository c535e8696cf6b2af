// Package dns answers for the cluster's domain as the specification of Kubernetes DNS has it
// (https://github.com/kubernetes/dns/blob/master/docs/specification.md): A records of
// services, headless services and the pods behind them. Everything else does not exist.
package dns

import (
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// ttl is short: pods come and go.
const ttl = 5

// Names looks up the addresses of a lower-case name without the final dot. A name that exists
// without any address is (nil, true).
type Names func(name string) (ips []net.IP, known bool)

// Answer is the reply to a query; nil when the query is not one.
func Answer(query []byte, names Names) []byte {
	var p dnsmessage.Parser
	header, err := p.Start(query)
	if err != nil || header.Response {
		return nil
	}
	question, err := p.Question()
	if err != nil {
		return nil
	}
	reply := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: header.ID, Response: true, Authoritative: true, RecursionDesired: header.RecursionDesired, RecursionAvailable: true,
		},
		Questions: []dnsmessage.Question{question},
	}
	ips, known := names(strings.ToLower(strings.TrimSuffix(question.Name.String(), ".")))
	switch {
	case !known:
		reply.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		reply.Answers = records(question, ips)
	}
	out, err := reply.Pack()
	if err != nil {
		return nil
	}
	return out
}

func records(question dnsmessage.Question, ips []net.IP) []dnsmessage.Resource {
	var list []dnsmessage.Resource
	for _, ip := range ips {
		v4 := ip.To4()
		if v4 == nil {
			continue
		}
		list = append(list, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: ttl},
			Body:   &dnsmessage.AResource{A: [4]byte(v4)},
		})
	}
	return list
}
