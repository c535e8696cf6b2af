package scenario

import (
	"fmt"
	"reflect"
	"slices"
)

// check is nil when the scenario can be run and its score means something.
func (s Scenario) check() error {
	if s.Description == "" {
		return fmt.Errorf("scenario %s has no description", s.Name)
	}
	if len(s.Steps) > 0 {
		return s.checkSteps()
	}
	if s.Expect.says() != 1 {
		return fmt.Errorf("scenario %s expects neither health nor a cause, or both", s.Name)
	}
	if s.Expect.Cause != nil && !s.proves() {
		return fmt.Errorf("scenario %s has no preconditions: nothing proves that its fault is in force", s.Name)
	}
	if len(s.Expect.NotMTLS) > 0 && !s.Expect.Healthy {
		return fmt.Errorf("scenario %s clears mutual TLS of what it does not expect to be healthy", s.Name)
	}
	if s.Expect.Cause == nil && (s.ByHand != "" || s.ShutsOut != nil) {
		return fmt.Errorf("scenario %s has nothing to heal: byHand and shutsOut are for a fix", s.Name)
	}
	if o := s.ShutsOut; o != nil && (len(o.Callers) == 0 || o.Said == "") {
		return fmt.Errorf("scenario %s: shutsOut needs callers, and the words by which the fix's risk says so", s.Name)
	}
	for _, p := range s.Preconditions {
		if p.Has == "" && p.OtherRootThan == "" {
			return fmt.Errorf("scenario %s: a precondition without `has` holds for an empty page too", s.Name)
		}
	}
	if s.First == nil {
		return nil
	}
	return s.checkFiles("to apply first", *s.First)
}

// proves: a run shows that the fault is in force. The proxies that refuse their configuration have
// to be exactly the named ones, and a fault with `until` is waited for: both are proofs.
func (s Scenario) proves() bool {
	awaited := slices.ContainsFunc(s.Faults, func(f Fault) bool { return f.Until != "" })
	return len(s.Preconditions) > 0 || len(s.NotAccepted) > 0 || awaited
}

func (s Scenario) checkSteps() error {
	if s.First != nil || s.NotAccepted != nil || s.Preconditions != nil || !reflect.DeepEqual(s.Expect, Expect{}) {
		return fmt.Errorf("scenario %s has steps: first, notAccepted, preconditions and expect are theirs", s.Name)
	}
	steps, err := s.Expand()
	if err != nil {
		return err
	}
	for _, step := range steps {
		if err := step.check(); err != nil {
			return err
		}
	}
	return nil
}

func (s Scenario) checkFiles(what string, files []string) error {
	for _, f := range files {
		if _, ok := s.objects[f]; !ok {
			return fmt.Errorf("scenario %s has no manifest %s %s", s.Name, f, what)
		}
	}
	return nil
}
