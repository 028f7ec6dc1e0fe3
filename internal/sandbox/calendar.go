package sandbox

import (
	"fmt"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
)

const settingCalendar = "calendar.ahead"

// maxAhead bounds how far the calendar can be moved in all.
const maxAhead = 10 * 366 * 24 * time.Hour

// calendar is the simulators' idea of which days are over: the clock, moved on through the control API, durably.
type calendar struct {
	now   func() time.Time
	books *books.Store

	mu    sync.Mutex
	ahead time.Duration
}

func openCalendar(store *books.Store, now func() time.Time) (*calendar, error) {
	c := &calendar{now: now, books: store}
	if _, err := store.Setting(settingCalendar, &c.ahead); err != nil {
		return nil, err
	}
	return c, nil
}

// Now is the calendar's time.
func (c *calendar) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Add(c.ahead).UTC()
}

// Advance moves the calendar on.
func (c *calendar) Advance(by time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if by < 0 || by > maxAhead || c.ahead+by > maxAhead {
		return fmt.Errorf("the calendar moves on only, by %s at most", maxAhead)
	}
	ahead := c.ahead + by
	err := c.books.Change(func(tx *books.Tx) error {
		tx.SaveSetting(settingCalendar, ahead)
		return nil
	})
	if err != nil {
		return err
	}
	c.ahead = ahead
	return nil
}
