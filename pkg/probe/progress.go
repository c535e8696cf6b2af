package probe

import "sync"

// Event is a step of a reading: Done of Total are finished, and Current was just begun or ended.
type Event struct {
	// Phase is "lists" or "proxies".
	Phase       string
	Done, Total int
	// Current names what the step was about: a kind's ID, or a pod as namespace/name.
	Current string
}

// Progress is told how a reading goes on. Its method is called from several goroutines, never
// at the same time, and must return soon.
type Progress interface {
	Progress(Event)
}

// counter counts the steps of a phase.
type counter struct {
	to    Progress
	phase string
	total int

	mu   sync.Mutex
	done int
}

func (c *counter) started(current string)  { c.step(current, 0) }
func (c *counter) finished(current string) { c.step(current, 1) }

func (c *counter) step(current string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done += n
	if c.to != nil {
		c.to.Progress(Event{Phase: c.phase, Done: c.done, Total: c.total, Current: current})
	}
}
