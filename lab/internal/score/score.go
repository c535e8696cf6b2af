package score

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/truth"
)

// Score is how the product does in one scenario.
type Score struct {
	Scenario string
	Pairs    Pairs
	Wrong    []string // all that is wrong, and is not known to be
	Known    int
	Time     time.Duration
	Report   []byte // the live one; nil of a scenario that could not be set up
}

// Live runs the product against the mesh as it is now, writes a bundle into the folder, and compares.
func (p Product) Live(ctx context.Context, s scenario.Scenario, t truth.Truth, bundle string) (Score, error) {
	var edges []Edge
	var live []byte
	err := together(
		func() (err error) { edges, err = p.Edges(ctx); return },
		func() (err error) { live, err = p.Report(ctx); return },
		func() error { return p.Capture(ctx, bundle) })
	if err != nil {
		return Score{}, err
	}
	replayed, err := p.Report(ctx, "--from", bundle)
	if err != nil {
		return Score{}, err
	}
	more, err := p.unregistered(ctx, t, edges, bundle)
	if err != nil {
		return Score{}, err
	}
	got, err := findings(live)
	if err != nil {
		return Score{}, err
	}
	score := Score{Scenario: s.Name, Pairs: ComparePairs(t, append(edges, more...)), Report: live}
	score.Wrong = append(score.Wrong, score.Pairs.Wrong...)
	score.Wrong = append(score.Wrong, score.Pairs.Missing...)
	score.Wrong = append(score.Wrong, score.Pairs.Unknown...)
	score.Wrong = append(score.Wrong, CompareFindings(s.Expect, got)...)
	accused, err := p.accused(ctx, s.Expect.NotMTLS)
	if err != nil {
		return Score{}, err
	}
	score.Wrong = append(score.Wrong, accused...)
	score.Wrong = append(score.Wrong, misleads(s.Expect.NotMTLS, t)...)
	for _, d := range t.Instrument.Doubts {
		score.Wrong = append(score.Wrong, "instrument: "+d)
	}
	if at, ok := same(live, replayed); !ok {
		score.Wrong = append(score.Wrong, "bundle: its report is not the live one: "+at)
	}
	return score, nil
}

// accused are the calls of which the product, asked about each, does not say that mutual TLS is innocent.
func (p Product) accused(ctx context.Context, calls []scenario.Call) ([]string, error) {
	var wrong []string
	for _, c := range calls {
		namespace, name, _ := strings.Cut(c.From, "/")
		text, err := p.run(ctx, "deploy/"+name, "-n", namespace, "--to", c.To, "-o", "json")
		if err != nil {
			return nil, err
		}
		if !clears(text) {
			wrong = append(wrong, fmt.Sprintf("call %s -> %s: mutual TLS is not said to be innocent", c.From, c.To))
		}
	}
	return wrong, nil
}

// misleads says which calls did not end as the scenario wants it: a decoy that does nothing proves nothing.
func misleads(calls []scenario.Call, t truth.Truth) []string {
	var wrong []string
	for _, c := range calls {
		of := slices.DeleteFunc(slices.Clone(t.Pairs), func(p truth.Pair) bool {
			return p.From.Namespace+"/"+p.From.Workload != c.From || fmt.Sprintf("%s.%s:%d", p.To.Service, p.To.Namespace, p.To.Port) != c.To
		})
		if len(of) == 0 || slices.ContainsFunc(of, func(p truth.Pair) bool { return p.OK != c.Works }) {
			wrong = append(wrong, fmt.Sprintf("call %s -> %s: was not made, or does not end as the scenario says (works: %t)", c.From, c.To, c.Works))
		}
	}
	return wrong
}

// clears reports whether a report says that mutual TLS is not the cause.
func clears(report []byte) bool {
	var r struct{ NotMTLS *struct{ Basis string } }
	return json.Unmarshal(report, &r) == nil && r.NotMTLS != nil && r.NotMTLS.Basis != ""
}

// unregistered are the edges to destinations that no registry has, asked for one by one.
func (p Product) unregistered(ctx context.Context, t truth.Truth, edges []Edge, bundle string) ([]Edge, error) {
	asked := map[string]bool{}
	for _, e := range edges {
		asked[e.Server.Host+":"+strconv.Itoa(e.Server.Port)] = true
	}
	var all []Edge
	for _, pair := range t.Pairs {
		to := pair.To.Host + ":" + strconv.Itoa(pair.To.Port)
		if asked[to] {
			continue
		}
		asked[to] = true
		found, err := p.Edges(ctx, "--from", bundle, "--to", to)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// When a report was made: two runs, a second apart, say these differently about the same mesh. The
// ledger is of counters, which move on with connections that time out.
var (
	capturedAt = regexp.MustCompile(`"capturedAt": *"([^"]*)"`)
	age        = regexp.MustCompile(`(\d+m)?\d+s before the capture`)
	ledger     = regexp.MustCompile(`("(?:agree|contradict)": *)\d+`)
)

// timeless is the report without its own time.
func timeless(report []byte) []byte {
	if at := capturedAt.FindSubmatch(report); at != nil {
		report = bytes.ReplaceAll(report, at[1], []byte("NOW"))
		if moment, err := time.Parse(time.RFC3339, string(at[1])); err == nil { // evidence has it in seconds
			report = bytes.ReplaceAll(report, []byte(moment.Format(time.RFC3339)), []byte("NOW"))
		}
	}
	report = ledger.ReplaceAll(report, []byte("${1}0"))
	return age.ReplaceAll(report, []byte("just before the capture"))
}

// same says whether two reports are the same but for their moment, and where they differ.
func same(x, y []byte) (string, bool) {
	x, y = timeless(x), timeless(y)
	if bytes.Equal(x, y) {
		return "", true
	}
	a, b := bytes.Split(x, []byte("\n")), bytes.Split(y, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return fmt.Sprintf("line %d: %.200s | %.200s", i+1, bytes.TrimSpace(a[i]), bytes.TrimSpace(b[i])), false
		}
	}
	return fmt.Sprintf("%d and %d lines", len(a), len(b)), false
}

// together runs all, and returns the first error.
func together(all ...func() error) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, f := range all {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
