package alipaysim

import (
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// cancelWindow is how long after its payment a trade can be cancelled.
const cancelWindow = 24 * time.Hour

func (s *Simulator) closeTrade(c *call) (node, error) {
	t, err := s.withTrade(c, func(tx *books.Tx, t *books.Trade) error {
		switch t.Status {
		case books.StatusPaid:
			return business(acqStatusError)
		case books.StatusClosed:
			return business(acqReasonStatus)
		case books.StatusIssued, books.StatusWaiting:
		}
		shut(tx, t, c.now)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return success(field{"out_trade_no", t.OutTradeNo}, field{"trade_no", t.ChannelTradeNo}), nil
}

// shut closes an unpaid trade for good.
func shut(tx *books.Tx, t *books.Trade, at time.Time) {
	t.Status, t.ClosedAt = books.StatusClosed, at
	if notifiesClose(t) {
		parts.Tell(tx, t, eventClosed, "", t.NotifyURL, at)
	}
	tx.SaveTrade(*t)
}

// cancel undoes an order whatever became of it: closes an unpaid trade, returns the money of a paid one, and agrees to
// an order that never was.
func (s *Simulator) cancel(c *call) (node, error) {
	key, err := s.named(c)
	if err != nil {
		return nil, err
	}
	var t books.Trade
	action := "close"
	err = s.env.Books.Change(func(tx *books.Tx) error {
		t, err = existing(tx, c, key)
		if err != nil {
			return err
		}
		switch {
		case t.Open():
			shut(tx, &t, c.now)
		case t.Status == books.StatusClosed:
		case t.Attr(attrReversed) != "":
			action = "refund"
		case len(t.Refunds) > 0:
			return business(acqRefundTooMuch)
		case c.now.Sub(t.PaidAt) > cancelWindow:
			return business(acqCancelTimeOut)
		default:
			action = "refund"
			t.Refunds = append(t.Refunds, books.Refund{
				OutRefundNo: t.OutTradeNo, Amount: t.Amount, Status: books.RefundSucceeded, CreatedAt: c.now, SettledAt: c.now,
			})
			t.SetAttr(attrReversed, "1")
			tx.SaveTrade(t)
		}
		return nil
	})
	if isNotExist(err) {
		return success(field{"out_trade_no", key.OutTradeNo}, field{"retry_flag", "N"}), nil
	}
	if err != nil {
		return nil, err
	}
	return success(field{"action", action}, field{"out_trade_no", t.OutTradeNo}, field{"retry_flag", "N"}, field{"trade_no", t.ChannelTradeNo}), nil
}
