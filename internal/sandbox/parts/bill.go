package parts

import (
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// PaidOn reports whether a payment was made on a day in Beijing.
func PaidOn(t *books.Trade, date string) bool {
	return !t.PaidAt.IsZero() && t.PaidAt.In(Beijing()).Format(DateLayout) == date
}

// Falsify changes a bill's rows as asked; of several under one number the first is meant. values answers a row's order
// number, and where it has its amount and its fee; foreign makes a payment that never was, from a seed that is always
// the same for a number.
func Falsify[R any](
	rows []R, tampers []sim.Tamper, values func(*R) (number string, amount, fee *int64), foreign func(number string, seed uint64) R,
) []R {
	for _, t := range tampers {
		if t.Kind == sim.ForeignRow {
			seed := fnv.New64a()
			_, _ = seed.Write([]byte(t.OutTradeNo))
			rows = append(rows, foreign(t.OutTradeNo, seed.Sum64()))
			continue
		}
		for i := range rows {
			number, amount, fee := values(&rows[i])
			if number != t.OutTradeNo {
				continue
			}
			switch t.Kind {
			case sim.LostRow:
				rows = slices.Delete(rows, i, i+1)
			case sim.WrongAmount:
				*amount++
			case sim.WrongFee:
				*fee++
			case sim.ForeignRow:
			}
			break
		}
	}
	return rows
}

// linkLife is how long a download address lives.
const linkLife = 30 * time.Second

// Links are the download addresses that were given out lately, oldest first, and what they lead to; they end with the
// process.
type Links[L any] struct {
	// Most bounds how many live at a time; the oldest ends for another one. 0: no bound.
	Most int

	mu    sync.Mutex
	known []link[L]
}

type link[L any] struct {
	token  string
	target L
	until  time.Time
}

// Add makes a token lead to a target for a while.
func (l *Links[L]) Add(token string, target L, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = slices.DeleteFunc(l.known, func(old link[L]) bool { return !now.Before(old.until) })
	if l.Most > 0 && len(l.known) >= l.Most {
		l.known = slices.Delete(l.known, 0, 1)
	}
	l.known = append(l.known, link[L]{token, target, now.Add(linkLife)})
}

// Find answers what a token leads to.
func (l *Links[L]) Find(token string, now time.Time) (L, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, known := range l.known {
		if known.token == token && now.Before(known.until) {
			return known.target, true
		}
	}
	var none L
	return none, false
}
