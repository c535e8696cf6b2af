package envoy

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// stats reads the list of /stats?format=json: {"name","value"}; histograms and text values
// are left out.
func (d *Decoder) stats(r *reader) {
	d.see(KindStats)
	d.proxy.Read |= SectionStats
	r.section = "stats"
	r.list(func() {
		name, value, ok := r.stat()
		if ok && r.err == nil {
			d.addStat(name, value)
		}
	})
}

func (r *reader) stat() (name string, value uint64, ok bool) {
	r.object(func(key []byte) {
		switch {
		case string(key) == "name":
			name = r.str()
		case string(key) == "value" && r.kind() == '0':
			value, ok = r.u64(), true
		default:
			r.skip()
		}
	})
	return name, value, ok && name != ""
}

func (d *Decoder) addStat(name string, value uint64) {
	if d.proxy.Stats == nil {
		d.proxy.Stats = map[string]uint64{}
	}
	d.proxy.Stats[name] = value
}

// longestLine is far above what Envoy prints: a line of stats holds one name.
const longestLine = 1 << 20

// eachLine calls do for every line of src. The error is a *CutError.
func eachLine(src io.Reader, do func(line string)) error {
	lines := bufio.NewScanner(src)
	lines.Buffer(nil, longestLine)
	offset := int64(0)
	for lines.Scan() {
		offset += int64(len(lines.Bytes())) + 1
		do(strings.TrimRight(lines.Text(), "\r"))
	}
	if err := lines.Err(); err != nil {
		return &CutError{Offset: offset, Err: err}
	}
	return nil
}

// statLine reads "name: 12" and the Prometheus form "name{label="x"} 12". Text values,
// histograms and comments have no number and are no stats.
func statLine(line string, prometheus bool) (name string, value uint64, ok bool) {
	at, skip := strings.LastIndex(line, ": "), 2
	if prometheus {
		at, skip = strings.LastIndexByte(line, ' '), 1
	}
	if at <= 0 || line[0] == '#' {
		return "", 0, false
	}
	value, err := strconv.ParseUint(line[at+skip:], 10, 64)
	return line[:at], value, err == nil
}

// statsText reads /stats or /stats/prometheus.
func (d *Decoder) statsText(src io.Reader, prometheus bool) error {
	d.see(KindStats)
	d.proxy.Read |= SectionStats
	return eachLine(src, func(line string) {
		if name, value, ok := statLine(line, prometheus); ok {
			d.addStat(name, value)
		}
	})
}
