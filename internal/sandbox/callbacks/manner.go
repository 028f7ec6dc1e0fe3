package callbacks

import (
	"errors"
	"sync"
	"time"
)

// The bounds of a Manner.
const (
	maxDuplicates = 100
	maxDelay      = 24 * time.Hour
	shuffleWithin = 800 * time.Millisecond // so that even shuffled callbacks leave within a second
)

// Manner is how callbacks are sent; the zero value is the normal way.
type Manner struct {
	Duplicate int     `json:"duplicate"` // extra copies of each
	DelayMS   int64   `json:"delay_ms"`  // before the first try
	DropRate  float64 `json:"drop_rate"` // share of the sends that get lost on the way, 0 to 1
	Shuffle   bool    `json:"shuffle"`   // callbacks overtake each other
	Forge     bool    `json:"forge"`     // a wrongly signed copy goes before each
}

// Validate says all that is wrong with a manner.
func (m Manner) Validate() error {
	var errs []error
	if m.Duplicate < 0 || m.Duplicate > maxDuplicates {
		errs = append(errs, errors.New("duplicate must be between 0 and 100"))
	}
	if m.DelayMS < 0 || m.DelayMS > maxDelay.Milliseconds() {
		errs = append(errs, errors.New("delay_ms must be between 0 and 86400000"))
	}
	if m.DropRate < 0 || m.DropRate > 1 {
		errs = append(errs, errors.New("drop_rate must be between 0 and 1"))
	}
	return errors.Join(errs...)
}

// manners keeps one Manner for each channel.
type manners struct {
	mu        sync.Mutex
	byChannel map[string]Manner
}

func (m *manners) set(channel string, v Manner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byChannel == nil {
		m.byChannel = make(map[string]Manner)
	}
	m.byChannel[channel] = v
}

func (m *manners) of(channel string) Manner {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byChannel[channel]
}
