package statement

import (
	"time"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

// form is how a column's cells are written.
type form int

const (
	formText   form = iota
	formID          // text that spreadsheets must not take for a number
	formTime        // a moment, in Shanghai's time
	formAmount      // minor units, written in the major unit
)

// cell is the content of one cell, by the column's form.
type cell struct {
	text     string
	at       time.Time
	minor    int64
	currency money.Currency
	empty    bool // of an amount: there is none
}

// column is one column of items of type T.
type column[T any] struct {
	zh, en string
	form   form
	width  float64 // in Excel's unit, about one digit
	value  func(w *words, item *T) cell
}

func (c *column[T]) heading(language string) string {
	if language == English {
		return c.en
	}
	return c.zh
}

func text[T any](zh, en string, width float64, value func(w *words, item *T) string) column[T] {
	return column[T]{zh, en, formText, width, func(w *words, item *T) cell { return cell{text: value(w, item)} }}
}

func identifier[T any](zh, en string, width float64, value func(item *T) string) column[T] {
	return column[T]{zh, en, formID, width, func(_ *words, item *T) cell { return cell{text: value(item)} }}
}

func moment[T any](zh, en string, value func(item *T) time.Time) column[T] {
	return column[T]{zh, en, formTime, 20, func(_ *words, item *T) cell { return cell{at: value(item)} }}
}

type row = reconcile.StatementRow

func amount(zh, en string, value func(r *row) int64) column[row] {
	return column[row]{zh, en, formAmount, 17, func(_ *words, r *row) cell { return cell{minor: value(r), currency: r.Currency} }}
}

// idWidth holds an id with its prefix: its capitals are wider than the digits
// that Excel's unit is made of.
const idWidth = 37

// headingResult is the column whose cells are coloured.
const headingResult = "对账结果"

// detailColumns are those of CSV files and of the detail sheets.
func detailColumns() []column[row] {
	return []column[row]{
		moment("交易时间", "Time", func(r *row) time.Time { return r.At }),
		text("交易类型", "Type", 10, func(w *words, r *row) string { return word(w.types, string(r.Type)) }),
		identifier("商户订单号", "Merchant order no.", 25, func(r *row) string { return r.MerchantOrderNo }),
		identifier("商户退款单号", "Merchant refund no.", 25, func(r *row) string { return r.MerchantRefundNo }),
		text("渠道", "Channel", 12, func(w *words, r *row) string { return word(w.channels, r.Channel) }),
		text("交易状态", "Status", 12, func(w *words, r *row) string { return word(w.statuses, r.Status) }),
		text("币种", "Currency", 9, func(_ *words, r *row) string { return string(r.Currency) }),
		amount("金额(元)", "Amount", func(r *row) int64 { return r.AmountMinor }),
		amount("手续费(元)", "Fee", func(r *row) int64 { return r.FeeMinor }),
		amount("净额(元)", "Net", func(r *row) int64 { return r.NetMinor() }),
		text(headingResult, "Result", 26, func(w *words, r *row) string { return word(w.results, r.Result) }),
		text("商品", "Subject", 26, func(_ *words, r *row) string { return r.Subject }),
		text("支付场景", "Scene", 15, func(w *words, r *row) string { return word(w.scenes, r.Scene) }),
		identifier("平台支付单号", "Payment", idWidth, func(r *row) string { return r.PaymentID }),
		identifier("渠道侧订单号", "Number at channel", idWidth, func(r *row) string { return r.Number }),
		identifier("渠道流水号", "Channel's number", 34, func(r *row) string { return r.ChannelNumber }),
		identifier("渠道账户", "Account", idWidth, func(r *row) string { return r.AccountID }),
		text("备注", "Remark", 36, func(w *words, r *row) string { return r.Remark.In(w.language) }),
	}
}

type discrepancy = reconcile.Discrepancy

// side gives one side's amount, or a fee of it.
func side(zh, en string, value func(d *discrepancy) (*reconcile.Entry, bool)) column[discrepancy] {
	return column[discrepancy]{zh, en, formAmount, 16, func(_ *words, d *discrepancy) cell {
		e, fee := value(d)
		switch {
		case e == nil:
			return cell{empty: true}
		case fee:
			return cell{minor: e.FeeMinor, currency: e.Amount.Currency()}
		default:
			return cell{minor: e.Amount.Minor(), currency: e.Amount.Currency()}
		}
	}}
}

// either gives a text of our side, else of the channel's.
func either(d *discrepancy, value func(e *reconcile.Entry) string) string {
	for _, e := range []*reconcile.Entry{d.Ours, d.Theirs} {
		if e != nil && value(e) != "" {
			return value(e)
		}
	}
	return ""
}

func sideStatus(w *words, e *reconcile.Entry) string {
	if e == nil {
		return ""
	}
	return word(w.statuses, e.Status)
}

func channelNumber(e *reconcile.Entry) string {
	if e.ChannelRefundNo != "" {
		return e.ChannelRefundNo
	}
	return e.ChannelTradeNo
}

func ownNumber(e *reconcile.Entry) string {
	if e.RefundID != "" {
		return e.RefundID
	}
	return e.AttemptID
}

// settlement is a discrepancy's status. An explanation that waits for a second
// person is none yet.
func settlement(w *words, d *discrepancy) string {
	if d.Status == reconcile.Open && d.ProposedBy != "" {
		return w.proposed
	}
	return word(w.discrepancy, string(d.Status))
}

// differenceColumns are those of the sheet of discrepancies.
func differenceColumns() []column[discrepancy] {
	return []column[discrepancy]{
		text("差异类型", "Kind", 24, func(w *words, d *discrepancy) string { return word(w.discrepancy, string(d.Kind)) }),
		text("处理状态", "Status", 15, settlement),
		text("交易类型", "Type", 10, func(w *words, d *discrepancy) string { return word(w.types, string(d.Type())) }),
		text("渠道", "Channel", 12, func(w *words, d *discrepancy) string { return word(w.channels, d.Channel) }),
		identifier("商户订单号", "Merchant order no.", 25, func(d *discrepancy) string {
			return either(d, func(e *reconcile.Entry) string { return e.MerchantOrderNo })
		}),
		identifier("渠道侧订单号", "Number at channel", idWidth, func(d *discrepancy) string { return either(d, ownNumber) }),
		identifier("渠道流水号", "Channel's number", 34, func(d *discrepancy) string { return either(d, channelNumber) }),
		side("平台金额(元)", "Our amount", func(d *discrepancy) (*reconcile.Entry, bool) { return d.Ours, false }),
		side("渠道金额(元)", "Channel's amount", func(d *discrepancy) (*reconcile.Entry, bool) { return d.Theirs, false }),
		side("平台手续费(元)", "Our fee", func(d *discrepancy) (*reconcile.Entry, bool) { return d.Ours, true }),
		side("渠道手续费(元)", "Channel's fee", func(d *discrepancy) (*reconcile.Entry, bool) { return d.Theirs, true }),
		text("平台状态", "Our status", 12, func(w *words, d *discrepancy) string { return sideStatus(w, d.Ours) }),
		text("渠道状态", "Channel's status", 16, func(w *words, d *discrepancy) string { return sideStatus(w, d.Theirs) }),
		text("说明", "Detail", 48, func(w *words, d *discrepancy) string { return d.Detail.In(w.language) }),
		text("处理依据", "Evidence", 36, func(w *words, d *discrepancy) string { return d.Evidence.In(w.language) }),
		text("处理说明", "Resolution", 36, func(_ *words, d *discrepancy) string { return d.Resolution }),
		text("处理人", "By", 16, func(_ *words, d *discrepancy) string { return d.ProposedBy }),
		text("复核人", "Approved by", 16, func(_ *words, d *discrepancy) string { return d.ApprovedBy }),
		identifier("渠道账户", "Account", idWidth, func(d *discrepancy) string { return d.AccountID }),
		moment("发现时间", "Found", func(d *discrepancy) time.Time { return d.FoundAt }),
		moment("处理时间", "Resolved", func(d *discrepancy) time.Time { return d.ResolvedAt }),
		identifier("差异编号", "Discrepancy", idWidth, func(d *discrepancy) string { return d.ID }),
	}
}
