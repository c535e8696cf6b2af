package scenario

import "fmt"

// Share is a share of a list, "1/2" or "2/2", by turns. The steps of a scenario stay together, in their order.
func Share(list []Scenario, which string) ([]Scenario, error) {
	var i, n int
	if _, err := fmt.Sscanf(which, "%d/%d", &i, &n); err != nil || i < 1 || i > n {
		return nil, fmt.Errorf("%q is no share: write 1/2 for the first half", which)
	}
	var out []Scenario
	turn := 0
	for _, s := range list {
		if turn%n == i-1 {
			out = append(out, s)
		}
		if !s.Continued {
			turn++
		}
	}
	return out, nil
}
