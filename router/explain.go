package router

import (
	"strconv"

	"github.com/paymux/paymux/channels"
)

// tally is what a choice was among.
type tally struct {
	strategy Strategy
	// last: only accounts of weight 0 were left.
	last bool
	// channel is the one that the payment is bound to, if any.
	channel string
	// total is the sum of all pulls.
	total float64
}

// explain says what became of an account that was left, in words that show the
// figures that decided.
func (t *tally) explain(c *channels.Candidate, s *standing, chosen bool) {
	c.Share = s.pull / t.total
	text := make([]byte, 0, 120)
	switch {
	case chosen:
		c.Chosen = true
		text = t.describe(append(text, "chosen by "...), s)
		if t.channel != "" {
			text = append(append(text, " among the accounts at "...), t.channel...)
		}
	case s.pull > 0:
		c.Rejection = channels.NotChosen
		text = append(t.describe(append(text, "eligible with "...), s), "; the order fell to another account"...)
	default:
		c.Rejection = channels.NotChosen
		text = s.aside(append(text, "eligible, but "...), t.strategy)
	}
	c.Reason = string(text)
}

// describe says what the account was drawn by.
func (t *tally) describe(b []byte, s *standing) []byte {
	switch t.strategy {
	case LowestFee:
		b = append(strconv.AppendInt(append(b, "the lowest fee, "...), s.fee, 10), " in minor units, and "...)
	case SuccessRate:
		b = append(percent(append(b, "a success rate of "...), s.load.SuccessRate), " lately, and "...)
	case LeastInFlight:
		b = append(strconv.AppendInt(b, int64(s.load.InFlight), 10), " calls in flight, and "...)
	case Mixed:
		b = append(strconv.AppendInt(append(b, "its mix of fee "...), s.fee, 10), ", success "...)
		b = append(percent(b, s.load.SuccessRate), ", in flight "...)
		b = append(strconv.AppendInt(b, int64(s.load.InFlight), 10), ", and "...)
	case Weighted:
	}
	if t.last && t.strategy != LeastInFlight && t.strategy != Mixed {
		return append(b, "weight 0, as nothing else is left"...)
	}
	b = number(append(b, "weight "...), s.pull)
	return number(append(b, " of "...), t.total)
}

// aside says why an account was not in the draw.
func (s *standing) aside(b []byte, strategy Strategy) []byte {
	switch {
	case !s.competes():
		return append(b, "its weight 0 is for when nothing else is left"...)
	case strategy == LowestFee:
		return append(strconv.AppendInt(append(b, "its fee of "...), s.fee, 10), " in minor units is not the lowest"...)
	case strategy == SuccessRate:
		return append(percent(append(b, "its success rate of "...), s.load.SuccessRate), " lately is below the best"...)
	default:
		return append(b, "its score is 0"...)
	}
}

// number writes whole numbers as such and others with two digits.
func number(b []byte, v float64) []byte {
	if v == float64(int64(v)) {
		return strconv.AppendInt(b, int64(v), 10)
	}
	return strconv.AppendFloat(b, v, 'f', 2, 64)
}

func percent(b []byte, share float64) []byte {
	return append(strconv.AppendFloat(b, 100*share, 'f', 1, 64), " %"...)
}
