package parts

import (
	"fmt"

	"github.com/paymux/paymux/internal/sandbox/faults"
)

// CannotShow says why a channel's answers to an operation can't show a kind of fault. own are the channel's own reasons,
// which go before those of all channels.
func CannotShow(channel string, op faults.Operation, kind faults.Kind, own map[faults.Kind]string) error {
	why := own[kind]
	if why == "" {
		why = map[faults.Kind]string{
			faults.Decline:     "only payments and refunds are declined",
			faults.WrongAmount: "they name no amount",
			faults.WrongID:     "they name no order",
			faults.Stale:       "they name nothing by which an earlier one could be told",
		}[kind]
	}
	if why == "" {
		why = "the channel has no such answer"
	}
	return fmt.Errorf("%s's answers to %s cannot show %s: %s", channel, op, kind, why)
}
