package unionpaysim

import (
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// query tells of one transaction, by its own number and time. There are three forms of answer: done, under way, and no
// such transaction.
func (s *Simulator) query(c *call) (fields, error) {
	var t books.Trade
	var r *books.Refund
	err := s.env.Books.Change(func(tx *books.Tx) error {
		key := c.key()
		code, isRefund := tx.Code(refundToken(c.merchant.merID, key.OutTradeNo))
		if isRefund {
			key = code.Trade
		}
		known := false
		if t, known = tx.TradeAsOf(key, c.now); !known {
			return notFound()
		}
		if isRefund {
			if r, known = t.Refund(c.in["orderId"]); !known || r.Attrs[attrTxnTime] != c.in["txnTime"] {
				return notFound()
			}
			return nil
		}
		if t.Attr(attrTxnTime) != c.in["txnTime"] {
			return notFound()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	told, code := fields(nil), ""
	if r != nil {
		told, code = refundFields(&t, r), refundCode(r)
	} else {
		told, code = paymentFields(&t), paymentCode(&t)
	}
	if code == "" {
		return nil, notFound()
	}
	told["bizType"], told["encoding"] = c.in["bizType"], c.in["encoding"]
	if code == codeAccepted {
		told = underWay(told)
	} else {
		told["issuerIdentifyMode"] = "0"
	}
	delete(told, "exchangeRate")
	return told.with(fields{
		"respCode": codeSuccess, "respMsg": messages()[codeSuccess], "origRespCode": code, "origRespMsg": messages()[code],
	}), nil
}

// underWay takes away what a transaction has only once it is done.
func underWay(f fields) fields {
	for _, name := range []string{"queryId", "traceNo", "traceTime", "settleDate", "payCardType", "payType", "accNo"} {
		delete(f, name)
	}
	f["settleAmt"] = "0"
	return f
}

// paymentCode is how a payment stands: done or failed, under way, or empty where the channel knows of none, as of an
// order whose payer hasn't tried to pay.
func paymentCode(t *books.Trade) string {
	switch {
	case t.Status == books.StatusPaid:
		return codeSuccess
	case t.Attr(attrFailed) != "":
		return t.Attr(attrFailed)
	case t.Product != nameScan:
		return ""
	case t.Status == books.StatusClosed:
		return codeInputTimeout
	default:
		return codeAccepted
	}
}

func refundCode(r *books.Refund) string {
	if r.Status == books.RefundProcessing {
		return codeAccepted
	}
	return r.Attrs[attrSettled]
}

// paymentFields are what answers and notifications say of a payment.
func paymentFields(t *books.Trade) fields {
	f := fields{
		"accessType": "0", "bizType": t.Attr(attrBizType), "encoding": t.Attr(attrEncoding), "merId": t.Account,
		"orderId": t.OutTradeNo, "txnTime": t.Attr(attrTxnTime), "txnType": "01", "txnSubType": subType(t.Product),
	}
	f = f.with(fields{"reqReserved": t.Attr(attrReserved)})
	return f.settled(t.Amount, t.ChannelTradeNo, firstSet(t.PaidAt, t.ClosedAt, t.CreatedAt))
}

// refundFields are what answers and notifications say of a refund or an undo.
func refundFields(t *books.Trade, r *books.Refund) fields {
	f := fields{
		"accessType": "0", "bizType": r.Attrs[attrBizType], "encoding": r.Attrs[attrEncoding], "merId": t.Account,
		"orderId": r.OutRefundNo, "txnTime": r.Attrs[attrTxnTime], "txnType": giveBackType(r), "txnSubType": "00",
		"origQryId": r.Attrs[attrOrigin], "origOrderId": t.OutTradeNo, "origTxnTime": t.Attr(attrTxnTime),
	}
	f = f.with(fields{"reqReserved": r.Attrs[attrReserved]})
	return f.settled(r.Amount, r.ChannelRefundNo, firstSet(r.SettledAt, r.CreatedAt))
}

// settled adds amounts, the channel's numbers and the settlement.
func (f fields) settled(amount int64, queryID string, at time.Time) fields {
	return f.with(fields{
		"accNo": "6216***********0018", "currencyCode": currencyCNY, "exchangeRate": "0", "payCardType": "01", "payType": "0001",
		"queryId": queryID, "settleAmt": formatAmount(amount), "settleCurrencyCode": currencyCNY,
		"settleDate": settlementDay(at).Format(dayLayout), "traceNo": traceNo(queryID),
		"traceTime": at.In(parts.Beijing()).Format(traceLayout), "txnAmt": formatAmount(amount),
	})
}

func subType(product string) string {
	switch product {
	case nameCode:
		return "07"
	case nameScan:
		return "06"
	default:
		return "01"
	}
}

// firstSet is the first of the moments that is set.
func firstSet(moments ...time.Time) time.Time {
	for _, at := range moments {
		if !at.IsZero() {
			return at
		}
	}
	return time.Time{}
}
