package faults

// Magic is the fixed outcome that an amount has by its last four digits.
type Magic int

// The magic amounts; the zero value is an ordinary amount.
const (
	MagicNone         Magic = 0
	MagicDecline      Magic = 9001 // the payment is declined, always
	MagicHangBefore   Magic = 9002 // the first call of the order number: nothing done, no answer
	MagicHangAfter    Magic = 9003 // the first call: done, no answer
	MagicBusyBefore   Magic = 9004 // the first call: the channel's "busy", nothing done
	MagicBusyAfter    Magic = 9005 // the first call: the channel's "busy", done
	MagicPassword     Magic = 9006 // a barcode's payer has to type the password
	MagicRefundFails  Magic = 9007 // refunds of the payment fail
	MagicLostCallback Magic = 9008 // the trade's callbacks are never sent
	MagicTwice        Magic = 9009 // the trade's callbacks are sent twice
)

// MagicOf answers the fixed outcome of an amount in the currency's minor unit.
func MagicOf(amount int64) Magic {
	if m := Magic(amount % 10000); m >= MagicDecline && m <= MagicTwice {
		return m
	}
	return MagicNone
}

// Declines reports whether an amount is never paid.
func Declines(amount int64) bool { return MagicOf(amount) == MagicDecline }

// FirstCall answers the fault that strikes the first paying call of an order number with this amount.
func (m Magic) FirstCall() (Fault, bool) {
	f, ok := map[Magic]Fault{
		MagicHangBefore: {Kind: HangBefore},
		MagicHangAfter:  {Kind: HangAfter},
		MagicBusyBefore: {Kind: SystemError, Effect: EffectBefore},
		MagicBusyAfter:  {Kind: SystemError, Effect: EffectAfter},
	}[m]
	return f, ok
}
