package truth

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/probe"
)

// logLine is a line of Istio's default access log, which readers of a truth want to see. No
// verdict comes from it.
type logLine struct {
	request, code, flag, details, termination, failure string
	agent                                              string
	upstream, cluster, upstreamLocal, downstream, sni  string
	dialled                                            string
	route                                              string
}

// LogLine is what truth.json shows of it.
type LogLine struct {
	Flags       string `json:"flags"`
	Code        string `json:"code"`
	Details     string `json:"details"`
	Cluster     string `json:"cluster"`
	Failure     string `json:"upstreamTransportFailureReason,omitempty"`
	Termination string `json:"connectionTerminationDetails,omitempty"`
	Upstream    string `json:"upstreamHost,omitempty"`
	SNI         string `json:"requestedServerName,omitempty"`
	Route       string `json:"route,omitempty"`
}

var field = regexp.MustCompile(`\[[^\]]*\]|"(?:[^"\\]|\\.)*"|\S+`)

// fields are how many the default format has.
// https://istio.io/latest/docs/tasks/observability/logs/access-log/#default-access-log-format
const fields = 22

func parseLog(text []byte) []logLine {
	var all []logLine
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("[20")) {
			continue
		}
		f := field.FindAllString(string(line), -1)
		if len(f) < fields {
			continue
		}
		for i := range f {
			if f[i] = strings.Trim(f[i], `"`); strings.Trim(f[i], "- ") == "" { // of TCP, a request is "- - -"
				f[i] = ""
			}
		}
		all = append(all, logLine{
			request: f[1], code: f[2], flag: f[3], details: f[4], termination: f[5], failure: f[6],
			agent: f[12], upstream: f[15], cluster: f[16], upstreamLocal: f[17], dialled: f[18], downstream: f[19], sni: f[20], route: strings.Join(f[21:], " "),
		})
	}
	return all
}

func (l *logLine) brief() *LogLine {
	if l == nil {
		return nil
	}
	return &LogLine{l.flag, l.code, l.details, l.cluster, l.failure, l.termination, l.upstream, l.sni, l.route}
}

func (l *logLine) flags() string {
	if l == nil {
		return ""
	}
	var parts []string
	for _, s := range []string{l.flag, l.details, l.failure, l.termination} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if parts == nil {
		return "-"
	}
	return strings.Join(parts, " ")
}

// of says whether the line is that of the request with the token.
func (l logLine) of(token string) bool { return strings.Contains(l.request+" "+l.agent, token) }

func (l logLine) inbound() bool { return strings.HasPrefix(l.cluster, "inbound") }

// lines are those of both proxies for a call: by the token, else by the addresses of connections.
func (e evidence) lines(a attempt, r probe.Result, o outcome) (client, server *logLine) {
	from := r.Local
	if client = e.clientLine(a, r); client != nil { // without a line, the call may have gone past the proxy
		from = client.upstreamLocal
	}
	if o.endpoint == nil {
		return client, nil
	}
	logs := e.logs[id(*o.endpoint)]
	server = pick(logs, func(l logLine) bool {
		return l.of(a.Call.Token) && (l.inbound() || id(*o.endpoint) != id(a.client))
	})
	if server == nil && from != "" {
		server = pick(logs, func(l logLine) bool { return l.downstream == from })
	}
	return client, server
}

// clientLine is that of the client's proxy; nil when there is none.
func (e evidence) clientLine(a attempt, r probe.Result) *logLine {
	if !a.client.Proxied() {
		return nil
	}
	logs := e.logs[id(a.client)]
	if line := pick(logs, func(l logLine) bool { return !l.inbound() && l.of(a.Call.Token) }); line != nil {
		return line
	}
	return pick(logs, func(l logLine) bool {
		// A port of the client's serves connections to several destinations.
		return !l.inbound() && l.request == "" && l.downstream == r.Local && l.dialled == a.Call.Address
	})
}

func pick(lines []logLine, ok func(logLine) bool) *logLine {
	for i := range lines {
		if ok(lines[i]) {
			return &lines[i]
		}
	}
	return nil
}

func proxyLog(p node.PodInfo) string {
	for _, c := range p.Containers {
		if c.Name == node.ProxyContainer {
			return c.Log
		}
	}
	return ""
}

// logSizes are where the lines of the calls will begin.
func logSizes(pods []node.PodInfo) map[string]int64 {
	sizes := map[string]int64{}
	for _, p := range pods {
		if info, err := os.Stat(proxyLog(p)); err == nil {
			sizes[id(p)] = info.Size()
		}
	}
	return sizes
}

func readLogs(pods []node.PodInfo, offsets map[string]int64) (map[string][]logLine, error) {
	logs := map[string][]logLine{}
	for _, p := range pods {
		if !p.Proxied() {
			continue
		}
		f, err := os.Open(proxyLog(p))
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(io.NewSectionReader(f, offsets[id(p)], 1<<30))
		_ = f.Close()
		if err != nil {
			return nil, err
		}
		logs[id(p)] = parseLog(text)
	}
	return logs, nil
}
