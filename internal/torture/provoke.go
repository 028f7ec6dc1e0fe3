package torture

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Provocation is a sequence that a gateway with one broken invariant can't pass
// unseen. A sound gateway passes it without an anomaly.
type Provocation string

// The provocations.
const (
	// ManyRefunds returns an order's half five times at once; no refund arrives.
	ManyRefunds Provocation = "five halves are returned at once and don't arrive"
	// LostAnswers places orders for any channel and loses every answer.
	LostAnswers Provocation = "the answers to placing an order are lost"
	// LostPaid loses the answer and the callbacks of an order that is paid.
	LostPaid Provocation = "answer and callbacks of a paid order are lost"
	// DeafMerchant pays while the merchant's receiver is dead.
	DeafMerchant Provocation = "the receiver of webhooks is dead for a moment"
	// PlainPayment pays.
	PlainPayment Provocation = "an order is paid"
	// PlainClose closes what nobody paid.
	PlainClose Provocation = "an order that nobody paid is closed"
	// ToldTwice returns money and sends each callback five times.
	ToldTwice Provocation = "callbacks of a refund come several times"
	// LatePayer pays after the close, at a merchant who returns such money.
	LatePayer Provocation = "an order is paid after its close"
	// LateAccepted pays after the close, at a merchant who takes such money.
	LateAccepted Provocation = "an order whose merchant takes late money is paid after its close"
)

// Provocations lists the provocations.
func Provocations() []Provocation {
	return []Provocation{ManyRefunds, LostAnswers, LostPaid, DeafMerchant, PlainPayment, PlainClose, ToldTwice, LatePayer, LateAccepted}
}

var provocations = map[Provocation]func(ctx context.Context, d *drive) error{
	ManyRefunds: func(ctx context.Context, d *drive) error {
		// A channel refuses what is more than was paid. Refunds that never arrive it
		// can't refuse, and UnionPay doesn't say that they didn't.
		s, got, err := d.paid(ctx, "unionpay")
		for range 5 {
			err = errors.Join(err, d.fault(ctx, "unionpay", "refund", "hang_before"))
		}
		if err != nil {
			return err
		}
		s.giveBack(ctx, returnRace, got.ID)
		return nil
	},
	LostAnswers: func(ctx context.Context, d *drive) error {
		for _, channel := range []string{"alipay", "wechatpay"} {
			if err := d.fault(ctx, channel, "pay", "hang_after"); err != nil {
				return err
			}
		}
		for range 6 {
			s := d.order("", "qr", outcomeAmounts[OK])
			got, err := d.placed(ctx, s)
			if err == nil {
				err = d.bought(ctx, s, got)
			}
			if err != nil {
				return err
			}
		}
		return nil
	},
	LostPaid: func(ctx context.Context, d *drive) error {
		if err := d.mute(ctx); err != nil {
			return err
		}
		_, err := d.placed(ctx, d.order("wechatpay", "barcode", outcomeAmounts[TimedOutDone]))
		return err
	},
	DeafMerchant: func(ctx context.Context, d *drive) error {
		err := d.hook.set(moodDead)
		if err == nil {
			_, _, err = d.paid(ctx, "alipay")
		}
		// The first try fails, a later one must not.
		pause(ctx, time.Second)
		return errors.Join(err, d.hook.set(moodWell))
	},
	PlainPayment: func(ctx context.Context, d *drive) error {
		_, _, err := d.paid(ctx, "alipay")
		return err
	},
	PlainClose: closes,
	ToldTwice: func(ctx context.Context, d *drive) error {
		_, err := d.sim.call(ctx, "POST", "/_control/notifications", map[string]any{"duplicate": 4}, nil)
		if err != nil {
			return err
		}
		return refundsTold(ctx, d)
	},
	LatePayer:    paysLate,
	LateAccepted: func(ctx context.Context, d *drive) error { d.policy = LateAccept; return paysLate(ctx, d) },
}

// refundsTold drives a refund of which callbacks tell.
func refundsTold(ctx context.Context, d *drive) error {
	s, got, err := d.paid(ctx, "wechatpay")
	if err != nil {
		return err
	}
	if err := d.returned(ctx, s, got.ID); err != nil {
		return err
	}
	// Every copy has been sent by then.
	pause(ctx, 2*time.Second)
	return nil
}

// Provoke tells stories on an installation without killing anyone and gives what
// is wrong with the books after each, when they had the time to come right. The
// events that wait are asked for as merchants would.
func Provoke(ctx context.Context, world World, tell []Provocation, patience time.Duration) (map[Provocation][]Anomaly, error) {
	s := &scene{world: world, pace: hastyPace}
	s.opts = Options{Seed: 1}.withDefaults()
	defer s.close()
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("torture: bring the installation up: %w", err)
	}
	l := &lane{scene: s, patience: patience, known: map[string]bool{}}
	found := map[Provocation][]Anomaly{}
	for _, p := range tell {
		d := &drive{lane: l, number: len(l.shoppers)}
		var r CaseResult
		// A broken gateway may well not let its merchant come to the end.
		told := provocations[p](ctx, d)
		if err := errors.Join(ctx.Err(), l.sim.calm(ctx)); err != nil {
			return nil, err
		}
		b, err := s.read(ctx)
		if err != nil {
			return nil, err
		}
		s.resend(ctx, b)
		if err := l.settle(ctx, &r); err != nil {
			return nil, err
		}
		if len(r.Anomalies) == 0 && told != nil {
			return nil, fmt.Errorf("torture: %s: %w", p, told)
		}
		found[p] = r.Anomalies
	}
	return found, nil
}

// Kinds lists the kinds of anomalies.
func Kinds(anomalies []Anomaly) []string {
	var kinds []string
	for _, a := range anomalies {
		kinds = append(kinds, a.Kind)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}
