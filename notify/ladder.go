package notify

import "time"

// ladder is how long after each failed try the next one is due. After the last
// step the event is dead.
var ladder = [...]time.Duration{
	15 * time.Second, 15 * time.Second, 30 * time.Second,
	3 * time.Minute, 10 * time.Minute, 20 * time.Minute,
	30 * time.Minute, 30 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 3 * time.Hour, 3 * time.Hour,
	6 * time.Hour, 6 * time.Hour,
}

const (
	// maxRetryAfter bounds what an endpoint may ask for.
	maxRetryAfter = 6 * time.Hour
	// minRetryAfter keeps an endpoint's "at once" from being a busy loop.
	minRetryAfter = time.Second
	// Jitter adds at most a tenth of the wait and never more than a minute.
	jitterPart = 10
	maxJitter  = time.Minute
)

// Position is a place on the ladder.
type Position struct {
	// Step is the number of waits that were taken.
	Step int
	// Early: this step's wait was preceded by a shorter one that the endpoint
	// asked for.
	Early bool
}

// after gives the wait after a failed try and the position then; ok is false
// at the ladder's end. retryAfter is what the endpoint asked for, negative if
// nothing. A longer wait replaces the ladder's. A shorter one comes before it,
// once a step: an endpoint that answers "in a second" for an hour must not use
// up a day of tries. random is in [0,1).
func (p Position) after(retryAfter time.Duration, random float64) (wait time.Duration, next Position, ok bool) {
	if p.Step >= len(ladder) {
		return 0, p, false
	}
	wait = ladder[p.Step]
	next = Position{Step: p.Step + 1}
	if retryAfter >= 0 {
		asked := min(max(retryAfter, minRetryAfter), maxRetryAfter)
		switch {
		case asked >= wait:
			wait = asked
		case !p.Early:
			wait, next = asked, Position{Step: p.Step, Early: true}
		}
	}
	return wait + jitter(wait, random), next, true
}

func jitter(wait time.Duration, random float64) time.Duration {
	return time.Duration(random * float64(min(wait/jitterPart, maxJitter)))
}
