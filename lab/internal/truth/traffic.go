package truth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/api"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/fault"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/probe"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

// flush is how long Envoy may keep lines of its access log (--file-flush-interval-msec 1000).
const flush = 1200 * time.Millisecond

func (r *Runner) measure(ctx context.Context, s scenario.Scenario, p prepared) (Truth, error) {
	pods := watched(p.pods)
	targets, err := r.targets(ctx, s, pods)
	if err != nil {
		return Truth{}, err
	}
	names := s.Clients
	if names == nil {
		names = usualClients()
	}
	var clients []node.PodInfo
	for _, name := range names {
		c, err := find(pods, name)
		if err != nil {
			return Truth{}, err
		}
		clients = append(clients, c)
	}
	attempts := plan(clients, targets)
	t := Truth{
		Scenario: s.Name, Description: s.Description, MeshConfig: s.MeshConfig, Instrument: r.instrument,
		NotAcked: [][2]string{}, Config: []string{},
	}
	for _, u := range p.unacked {
		t.NotAcked = append(t.NotAcked, [2]string{u.Proxy, u.Type})
	}
	for _, o := range p.config {
		t.Config = append(t.Config, fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName()))
		t.IstioConfig = append(t.IstioConfig, o.Object)
	}
	for range 2 { // what is doubtful may have been on its way still, as a connection to a listener that goes: once more
		results, evidence, err := r.steady(ctx, pods, clients, attempts)
		if err != nil {
			return Truth{}, err
		}
		if t.Pairs, t.Instrument.Doubts = evidence.pairs(attempts, results); len(t.Instrument.Doubts) == 0 {
			break
		}
	}
	return t, nil
}

// watched are the pods that the instrument is in: all with an application or a gateway that runs.
func watched(pods []node.PodInfo) []node.PodInfo {
	var all []node.PodInfo
	for _, p := range pods {
		if _, ok := appContainer(p); ok && p.Labels["app"] != "istiod" && !p.Ended {
			all = append(all, p)
		}
	}
	return all
}

func appContainer(p node.PodInfo) (string, bool) {
	for _, c := range p.Containers {
		if c.Running && c.Name != node.ProxyContainer {
			return c.Name, true
		}
	}
	return node.ProxyContainer, len(p.Containers) == 1 && p.Containers[0].Running // a gateway
}

// rounds are how often calls are made while the mesh keeps moving.
const rounds = 4

// steady makes the calls while the mesh stands still. Where it moved meanwhile they say nothing, whatever
// came of them, and are made again.
func (r *Runner) steady(ctx context.Context, pods, clients []node.PodInfo, attempts []attempt) (map[string]probe.Result, evidence, error) {
	for range rounds {
		before := r.Mesh.Picture(ctx)
		results, seen, err := r.drive(ctx, pods, clients, attempts)
		if err != nil {
			return nil, seen, err
		}
		moved := differ(before, r.Mesh.Picture(ctx))
		if len(moved) == 0 {
			return results, seen, nil
		}
		fmt.Fprintf(r.Log, "    calls are made again: these moved while they were made: %s\n", strings.Join(moved, " "))
	}
	return nil, evidence{}, fmt.Errorf("the mesh does not stand still: it moved during %d rounds of calls", rounds)
}

// differ are the keys of what is not the same in both, sorted.
func differ(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(k string) bool {
		x, inA := a[k]
		y, inB := b[k]
		return inA == inB && x == y
	})
}

// drive makes all calls, those of different clients at the same time, and gathers what was seen.
func (r *Runner) drive(ctx context.Context, pods, clients []node.PodInfo, attempts []attempt) (map[string]probe.Result, evidence, error) {
	e := evidence{pods: pods, seen: map[string]probe.Seen{}, logs: map[string][]logLine{}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var watches sync.WaitGroup
	defer watches.Wait()
	for _, p := range pods {
		watches.Go(func() { r.watch(ctx, p) })
	}
	if err := each(pods, func(p node.PodInfo) error { return r.watching(ctx, p) }); err != nil {
		return nil, e, err
	}
	if err := r.cut(ctx, pods); err != nil {
		return nil, e, err
	}
	offsets := logSizes(pods)
	results, err := r.calls(ctx, clients, attempts)
	if err != nil {
		return nil, e, err
	}
	var mu sync.Mutex
	err = each(pods, func(p node.PodInfo) error {
		seen, err := r.seen(ctx, p)
		mu.Lock()
		defer mu.Unlock()
		e.seen[id(p)] = seen
		return err
	})
	if err != nil {
		return nil, e, err
	}
	select {
	case <-ctx.Done():
	case <-time.After(flush):
	}
	e.logs, err = readLogs(pods, offsets)
	return results, e, err
}

// cut ends all connections, but those to istiod and to the watches: what is pooled was made under
// an earlier configuration.
func (r *Runner) cut(ctx context.Context, pods []node.PodInfo) error {
	return each(pods, func(p node.PodInfo) error { return r.Mesh.Lab.Cut(ctx, p, fault.XDSPort, probe.Port) })
}

func id(p node.PodInfo) string { return p.Namespace + "/" + p.Name }

// watch runs until it is asked to stop, or ctx ends.
func (r *Runner) watch(ctx context.Context, p node.PodInfo) {
	container, _ := appContainer(p)
	done, err := r.Mesh.Lab.Exec(ctx, p, api.Exec{Container: container, Args: []string{"probe", "watch"}})
	if ctx.Err() == nil && (err != nil || done.Code != 0) {
		fmt.Fprintf(r.Log, "watch %s: %v %s\n", id(p), err, done.Stderr)
	}
}

func (r *Runner) watching(ctx context.Context, p node.PodInfo) error {
	return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
		_, err := r.Mesh.Lab.Get(ctx, p, probe.Port, "seen")
		return err == nil, nil
	})
}

// seen is what the watch saw; it ends the watch. A packet that was dropped would make not seen no proof.
func (r *Runner) seen(ctx context.Context, p node.PodInfo) (probe.Seen, error) {
	var seen probe.Seen
	text, err := r.Mesh.Lab.Get(ctx, p, probe.Port, "seen")
	if err != nil {
		return seen, err
	}
	if err := json.Unmarshal(text, &seen); err != nil {
		return seen, err
	}
	if seen.Dropped > 0 {
		return seen, fmt.Errorf("the watch in %s lost %d packets", id(p), seen.Dropped)
	}
	_, err = r.Mesh.Lab.Get(ctx, p, probe.Port, "stop")
	return seen, err
}

func (r *Runner) calls(ctx context.Context, clients []node.PodInfo, attempts []attempt) (map[string]probe.Result, error) {
	results := map[string]probe.Result{}
	var mu sync.Mutex
	err := each(clients, func(c node.PodInfo) error {
		var calls []probe.Call
		for _, a := range attempts {
			if id(a.client) == id(c) {
				calls = append(calls, a.Call)
			}
		}
		made, err := r.callsOf(ctx, c, calls)
		mu.Lock()
		defer mu.Unlock()
		for _, m := range made {
			results[m.Token] = m
		}
		return err
	})
	if err == nil && len(results) != len(attempts) {
		err = errors.New("not every call has a result")
	}
	return results, err
}

func (r *Runner) callsOf(ctx context.Context, c node.PodInfo, calls []probe.Call) ([]probe.Result, error) {
	text, err := json.Marshal(calls)
	if err != nil {
		return nil, err
	}
	done, err := r.Mesh.Lab.AsApp(ctx, c, text, "probe", "drive")
	if err != nil {
		return nil, err
	}
	if done.Code != 0 {
		return nil, fmt.Errorf("probe in %s: %s", id(c), done.Stderr)
	}
	var results []probe.Result
	return results, json.Unmarshal(done.Stdout, &results)
}
