package payment

import (
	"time"

	"github.com/paymux/paymux/channels"
)

// step is a ladder's n-th step; the last one repeats.
func step(ladder []time.Duration, n int) time.Duration {
	return ladder[min(n, len(ladder)-1)]
}

// nextCheck is when an attempt that is not settled is looked at again.
func (s *Service) nextCheck(p *Payment, a *Attempt, now time.Time) time.Time {
	ladder := s.cfg.UnknownLadder
	waiting := a.Status == AttemptPending && !s.unwanted(p, a, now)
	switch {
	case waiting && a.Scene == channels.SceneBarcode:
		ladder = s.cfg.BarcodeLadder
	case waiting:
		ladder = s.cfg.PendingLadder
	}
	next := now.Add(step(ladder, a.Checks))
	// The moments at which more can be concluded than before are not slept over.
	for _, turn := range []time.Time{a.ExpiresAt, s.arrivesUntil(a).Add(time.Millisecond)} {
		if now.Before(turn) && next.After(turn) {
			return turn
		}
	}
	return next
}

// unwanted tells whether an attempt's money is not wanted any more, so that it
// is to be closed at the channel.
func (s *Service) unwanted(p *Payment, a *Attempt, now time.Time) bool {
	return p.CloseRequested || !now.Before(a.ExpiresAt) ||
		a.ID != p.CurrentAttemptID || (p.Status != Processing && p.Status != Pending)
}

// mayStillArrive tells whether the channel could still take this order although
// it says that it holds none: a call may be under way until its deadline, and
// the channel accepts the number until the limit that was sent with it.
func (s *Service) mayStillArrive(a *Attempt, asked time.Time) bool {
	return !asked.After(s.arrivesUntil(a))
}

func (s *Service) arrivesUntil(a *Attempt) time.Time {
	last := a.ExpiresAt
	if a.Deadline.After(last) {
		last = a.Deadline
	}
	return last.Add(s.cfg.CallMargin)
}
