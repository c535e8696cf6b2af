package truth

import "github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/probe"

// Truth is what was found, as truth.json holds it.
type Truth struct {
	Scenario    string           `json:"scenario"`
	Description string           `json:"description"`
	MeshConfig  map[string]any   `json:"meshConfigExtra,omitempty"`
	Config      []string         `json:"config"`
	NotAcked    [][2]string      `json:"notAcked"`
	Instrument  Instrument       `json:"instrument"`
	IstioConfig []map[string]any `json:"istioConfig"`
	Pairs       []Pair           `json:"pairs"`
}

// Instrument is the proof that the probes can report each outcome, from calls in the same run
// whose outcome is known beforehand, and what they could not decide in this scenario.
type Instrument struct {
	MTLS      int `json:"mTLS"`
	Plaintext int `json:"plaintext"`
	Refused   int `json:"refused"`
	// Doubts are calls that the instrument could not decide; a truth with one does not count.
	Doubts []string `json:"doubts,omitempty"`
}

// Pair is all calls of one client to one destination that had the same outcome at the same endpoint.
// Error and what the proxies say is the first one's.
type Pair struct {
	From     From     `json:"from"`
	To       To       `json:"to"`
	Protocol string   `json:"protocol"`
	OK       bool     `json:"ok"`
	MTLS     *bool    `json:"mtls"` // nil when the call failed
	Error    string   `json:"error"`
	Client   string   `json:"client_flags"`
	Server   string   `json:"server_flags"`
	ClientLg *LogLine `json:"client_log"`
	ServerLg *LogLine `json:"server_log"`
	Tries    []Try    `json:"tries"`
}

// Try is one call.
type Try struct {
	Token string `json:"token"`
	OK    bool   `json:"ok"`
	MTLS  *bool  `json:"mtls"`
	Error string `json:"error,omitempty"`
	// Clear is where the endpoint that answered had the token in clear.
	Clear  []probe.Leg `json:"clear,omitempty"`
	Millis int64       `json:"ms"`
}

// From is the client of a pair.
type From struct {
	Namespace string `json:"ns"`
	Pod       string `json:"pod"`
	Workload  string `json:"workload"`
	Injected  bool   `json:"injected"`
}

// To is the destination of a pair, and where it is known the pod that was reached.
type To struct {
	Namespace   string `json:"ns"`
	Service     string `json:"service"`
	Host        string `json:"host"`
	Port        int    `json:"port"`
	TargetPort  int    `json:"targetPort"`
	PortName    string `json:"portName"`
	Headless    bool   `json:"headless"`
	Subset      string `json:"subset,omitempty"`
	Pod         string `json:"pod,omitempty"`
	PodNS       string `json:"podNs,omitempty"`
	Workload    string `json:"workload,omitempty"`
	PodInjected *bool  `json:"podInjected,omitempty"`
}
