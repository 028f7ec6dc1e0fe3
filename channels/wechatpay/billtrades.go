package wechatpay

import (
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/internal/money"
)

// Places of the columns of a trade bill, in the order of tradeHeadings.
const (
	atTime = iota
	atMerchant
	atTradeNo
	atOrderNo
	atState
	atCurrency
	atRefundNo
	atRefundID
	atRefundStatus
	atFee
	atSettled
	atReturned
	atReturnedCoupons
	atOrdered
	atRequested
	tradeColumns
)

func tradeHeadings() []string {
	return []string{
		"交易时间", "商户号", "微信订单号", "商户订单号", "交易状态", "货币种类", "微信退款单号", "商户退款单号", "退款状态",
		"手续费", "应结订单金额", "退款金额", "充值券退款金额", "订单金额", "申请退款金额",
	}
}

const headSubMerchant = "特约商户号"

// The decimal places of amounts and of fees, in yuan.
const (
	amountPlaces = 2
	feePlaces    = 5
	// feeUnits are how many of the smallest unit of a fee make a fen.
	feeUnits = 1000
)

// refundStates says of the words of 退款状态 what they mean for the money.
// CHANGE is money that could not be returned and waits for a person. A word that
// is not listed is taken as pending: the refund was accepted.
func refundStates() map[string]struct{ pending, failed bool } {
	return map[string]struct{ pending, failed bool }{
		"SUCCESS":     {},
		"PROCESSING":  {pending: true},
		"CHANGE":      {pending: true},
		"ABNORMAL":    {pending: true},
		"FAIL":        {failed: true},
		"FAILED":      {failed: true},
		"CLOSED":      {failed: true},
		"CLOSE":       {failed: true},
		"REFUNDCLOSE": {failed: true},
	}
}

// tradeLedger reads the trade bill (bill_type ALL).
type tradeLedger struct {
	merchant, sub string
	day           channels.Day
	from, to      time.Time
	each          func(channels.BillRow) error
	at            [tradeColumns]int
	// subAt is where the sub-merchant stands, or -1.
	subAt  int
	states map[string]struct{ pending, failed bool }

	rows billfile.Sum
	// columns are the sums of the columns from atFee on.
	columns [tradeColumns]billfile.Sum
	fees    billfile.Sum

	payments, refunds, paid, returned billfile.Sum
}

func newTradeLedger(c *Client, day channels.Day, each func(channels.BillRow) error) ledger {
	l := &tradeLedger{merchant: c.cfg.MchID, sub: c.cfg.SubMchID, day: day, each: each, states: refundStates()}
	l.from, l.to = c.BillCalendar().Window(day)
	return l
}

func (l *tradeLedger) needed() []string { return tradeHeadings() }

func (l *tradeLedger) neededTotals() []string {
	return []string{"总交易单数", "手续费总金额", "订单总金额", "申请退款总金额"}
}

func (l *tradeLedger) headings(columns billfile.Columns) {
	for i, heading := range tradeHeadings() {
		l.at[i] = columns.At(heading)
	}
	l.subAt = columns.At(headSubMerchant)
}

func (l *tradeLedger) row(line int64, cells [][]byte) error {
	if err := l.isOurs(line, cells); err != nil {
		return err
	}
	var amounts [tradeColumns]int64
	for i := atFee; i < tradeColumns; i++ {
		places := amountPlaces
		if i == atFee {
			places = feePlaces
		}
		var err error
		if amounts[i], err = billfile.Decimal(cells[l.at[i]], places); err != nil {
			return billfile.Broken(line, "%s: %v", tradeHeadings()[i], err)
		}
		l.columns[i].Add(amounts[i])
	}
	at, err := billfile.Time(cells[l.at[atTime]])
	if err != nil {
		return billfile.Broken(line, "交易时间: %v", err)
	}
	row := channels.BillRow{
		Line: line, AttemptID: number(cells[l.at[atOrderNo]]), ChannelTradeNo: number(cells[l.at[atTradeNo]]),
		FeeMinor: roundFee(amounts[atFee]), At: at,
	}
	minor := l.describe(&row, cells, amounts)
	if row.Amount, err = money.New(minor, money.CNY); err != nil {
		return billfile.Broken(line, "an amount has a sign that does not fit %s", row.Text)
	}
	if row.AttemptID == "" && row.ChannelTradeNo == "" {
		return billfile.Broken(line, "the row names no order")
	}
	// A reversal may carry the time of what it reverses.
	if !at.Before(l.to) || at.Before(l.from) && row.Text != "REVOKED" {
		return billfile.Broken(line, "the row is not of %s", l.day)
	}
	l.add(row)
	if err := l.each(row); err != nil {
		return &billfile.CallerError{Err: err}
	}
	return nil
}

// isOurs refuses rows of other merchants and of other currencies.
func (l *tradeLedger) isOurs(line int64, cells [][]byte) error {
	switch {
	case string(cells[l.at[atMerchant]]) != l.merchant:
		return billfile.Broken(line, "the row is another merchant's")
	case l.sub != "" && (l.subAt < 0 || string(cells[l.subAt]) != l.sub):
		return billfile.Broken(line, "the row is another sub-merchant's")
	case string(cells[l.at[atCurrency]]) != string(money.CNY):
		return billfile.Broken(line, "the row is of another currency than CNY")
	}
	return nil
}

// describe says what the row is and gives its amount, in fen.
func (l *tradeLedger) describe(row *channels.BillRow, cells [][]byte, amounts [tradeColumns]int64) (minor int64) {
	switch state := string(cells[l.at[atState]]); state {
	case "SUCCESS":
		row.Type, row.Text = channels.BillPayment, "SUCCESS"
		return amounts[atOrdered]
	case "REFUND", "REVOKED":
		row.Type, row.Text = channels.BillRefund, state
		row.RefundID, row.ChannelRefundNo = number(cells[l.at[atRefundID]]), number(cells[l.at[atRefundNo]])
		status := string(cells[l.at[atRefundStatus]])
		meaning, known := l.states[status]
		row.Pending, row.Failed = meaning.pending || !known, meaning.failed
		if status != "" && status != "SUCCESS" {
			row.Text += " " + status
		} else if state == "REVOKED" {
			row.Pending = false
		}
		return returnedBy(state, amounts)
	default:
		row.Type, row.Text = channels.BillOther, string(cells[l.at[atState]])
		return amounts[atOrdered]
	}
}

// returnedBy is what was asked back. Where a reversal states no refund, all of
// the order went back.
func returnedBy(state string, amounts [tradeColumns]int64) int64 {
	if state == "REVOKED" && amounts[atRequested] == 0 {
		return max(amounts[atReturned], amounts[atOrdered])
	}
	return amounts[atRequested]
}

func (l *tradeLedger) add(row channels.BillRow) {
	l.rows.Add(1)
	switch {
	case row.Type == channels.BillPayment:
		l.payments.Add(1)
		l.paid.Add(row.Amount.Minor())
		l.fees.Add(row.FeeMinor)
	case row.Type == channels.BillRefund && !row.Failed:
		l.refunds.Add(1)
		l.returned.Add(row.Amount.Minor())
		l.fees.Add(row.FeeMinor)
	}
}

func (l *tradeLedger) finish(line int64, columns billfile.Columns, cells [][]byte) (channels.BillTotals, error) {
	err := compareTotals(line, columns, cells, []total{
		{"总交易单数", 0, l.rows},
		{"应结订单总金额", amountPlaces, l.columns[atSettled]},
		{"退款总金额", amountPlaces, l.columns[atReturned]},
		{"充值券退款总金额", amountPlaces, l.columns[atReturnedCoupons]},
		{"手续费总金额", feePlaces, l.columns[atFee]},
		{"订单总金额", amountPlaces, l.columns[atOrdered]},
		{"申请退款总金额", amountPlaces, l.columns[atRequested]},
	})
	if err != nil {
		return channels.BillTotals{}, err
	}
	t := channels.BillTotals{Currency: money.CNY, Stated: true}
	err = fill(map[*int64]billfile.Sum{
		&t.Rows: l.rows, &t.Payments: l.payments, &t.Refunds: l.refunds,
		&t.PaymentMinor: l.paid, &t.RefundMinor: l.returned, &t.FeeMinor: l.fees,
	})
	return t, err
}

// fill takes sums over; they must fit.
func fill(into map[*int64]billfile.Sum) error {
	for field, sum := range into {
		value, ok := sum.Value()
		if !ok {
			return billfile.Broken(0, "the rows add up to more than can be counted")
		}
		*field = value
	}
	return nil
}

// number is a cell's number; "0" says that there is none.
func number(cell []byte) string {
	if string(cell) == "0" {
		return ""
	}
	return string(cell)
}

// roundFee is a fee in fen, half of one rounded away from zero. Fees of rows
// are whole fen in every bill that was seen, though written with five places.
func roundFee(fee int64) int64 {
	if fee < 0 {
		return -roundFee(-fee)
	}
	return (fee + feeUnits/2) / feeUnits
}
