package wechatpay

import (
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/internal/money"
)

// Places of the columns of a fund-flow bill, in the order of fundHeadings.
const (
	fundTime = iota
	fundBusiness
	fundKind
	fundDirection
	fundAmount
	fundVoucher
	fundColumns
)

func fundHeadings() []string {
	return []string{"记账时间", "微信支付业务单号", "业务类型", "收支类型", "收支金额(元)", "业务凭证号"}
}

// fundLedger reads the fund-flow bill: movements of the merchant's balance.
type fundLedger struct {
	day      channels.Day
	from, to time.Time
	each     func(channels.BillRow) error
	at       [fundColumns]int

	rows, ins, in, outs, out billfile.Sum
}

func newFundLedger(c *Client, day channels.Day, each func(channels.BillRow) error) ledger {
	l := &fundLedger{day: day, each: each}
	l.from, l.to = c.BillCalendar().Window(day)
	return l
}

func (l *fundLedger) needed() []string { return fundHeadings() }

func (l *fundLedger) neededTotals() []string {
	return []string{"资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额"}
}

func (l *fundLedger) headings(columns billfile.Columns) {
	for i, heading := range fundHeadings() {
		l.at[i] = columns.At(heading)
	}
}

func (l *fundLedger) row(line int64, cells [][]byte) error {
	minor, err := billfile.Decimal(cells[l.at[fundAmount]], amountPlaces)
	if err != nil {
		return billfile.Broken(line, "收支金额: %v", err)
	}
	at, err := billfile.Time(cells[l.at[fundTime]])
	if err != nil {
		return billfile.Broken(line, "记账时间: %v", err)
	}
	if at.Before(l.from) || !at.Before(l.to) {
		return billfile.Broken(line, "the row is not of %s", l.day)
	}
	amount, err := money.New(minor, money.CNY)
	if err != nil {
		return billfile.Broken(line, "收支金额 has a sign")
	}
	direction := string(cells[l.at[fundDirection]])
	switch direction {
	case "收入":
		l.ins.Add(1)
		l.in.Add(minor)
	case "支出":
		l.outs.Add(1)
		l.out.Add(minor)
	default:
		return billfile.Broken(line, "收支类型 is neither 收入 nor 支出")
	}
	l.rows.Add(1)
	row := channels.BillRow{
		Line: line, Type: channels.BillOther, AttemptID: number(cells[l.at[fundVoucher]]), ChannelTradeNo: number(cells[l.at[fundBusiness]]),
		Amount: amount, At: at, Text: direction + " " + string(cells[l.at[fundKind]]),
	}
	if err := l.each(row); err != nil {
		return &billfile.CallerError{Err: err}
	}
	return nil
}

func (l *fundLedger) finish(line int64, columns billfile.Columns, cells [][]byte) (channels.BillTotals, error) {
	err := compareTotals(line, columns, cells, []total{
		{"资金流水总笔数", 0, l.rows},
		{"收入笔数", 0, l.ins},
		{"收入金额", amountPlaces, l.in},
		{"支出笔数", 0, l.outs},
		{"支出金额", amountPlaces, l.out},
	})
	if err != nil {
		return channels.BillTotals{}, err
	}
	t := channels.BillTotals{Currency: money.CNY, Stated: true}
	err = fill(map[*int64]billfile.Sum{
		&t.Rows: l.rows, &t.Payments: l.ins, &t.Refunds: l.outs, &t.PaymentMinor: l.in, &t.RefundMinor: l.out,
	})
	return t, err
}
