package unionpaysim

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// billRow is one movement of a settlement day. Amounts are in fen; those of refunds and undos are positive too.
type billRow struct {
	number                   string // of the order that the money belongs to
	orderID, queryID         string // its own
	txnType, bizType         string
	at                       time.Time
	amount, fee              int64
	origQueryID, origOrderID string // of refunds and undos
	origAt                   time.Time
	reserved                 string
}

// out reports whether the money leaves the merchant.
func (r *billRow) out() bool { return r.txnType != "01" }

// net is what the merchant gets, or gives where the row is out.
func (r *billRow) net() int64 {
	if r.out() {
		return r.amount + r.fee
	}
	return r.amount - r.fee
}

// file answers a settlement day's files. The request names the day without its year: the latest such day is meant. There
// is no file of a day that isn't over by the calendar, nor of one without business.
func (s *Simulator) file(c *call) (fields, error) {
	if !c.timely(clockSkew) {
		return nil, refuseField(codeFormat, "txnTime")
	}
	day, ok := s.settlementDayOf(c.in["settleDate"])
	if !ok {
		return nil, refuse(codeNoFile)
	}
	rows, err := s.billRows(c.merchant, day)
	if err != nil {
		return nil, err
	}
	tampers, err := s.env.TamperedFor(day.Format(parts.DateLayout), c.merchant.merID)
	if err != nil {
		return nil, err
	}
	if len(rows)+len(tampers) == 0 {
		return nil, refuse(codeNoFile)
	}
	rows = parts.Falsify(rows, tampers, billValues, func(number string, seed uint64) billRow { return foreignRow(number, seed, day) })
	archive, err := billArchive(c.merchant.merID, day, rows, s.env.Calendar())
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err = z.Write(archive); err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("pack a settlement file: %w", err)
	}
	return c.accepted(codeSuccess, fields{
		"settleDate": c.in["settleDate"], "fileType": c.in["fileType"], "fileName": c.merchant.merID + "_" + day.Format("20060102") + ".zip",
		"fileContent": base64.StdEncoding.EncodeToString(packed.Bytes()),
	}), nil
}

// settlementDayOf finds the latest settlement day with a month and day; it reports false where that isn't over.
func (s *Simulator) settlementDayOf(monthDay string) (time.Time, bool) {
	now := s.env.Calendar().In(parts.Beijing())
	for year := now.Year(); year >= now.Year()-8; year-- { // 8: there are years without 29 February in between
		day, err := time.ParseInLocation("20060102", fmt.Sprintf("%04d%s", year, monthDay), parts.Beijing())
		if err != nil || day.After(now) {
			continue
		}
		return day, settlementDay(now).After(day)
	}
	return time.Time{}, false
}

// HasBillRow reports whether a settlement day's files have a row of a trade. Settlement days end at 23:00.
func (s *Simulator) HasBillRow(t *books.Trade, date string) bool {
	day, err := time.ParseInLocation(parts.DateLayout, date, parts.Beijing())
	return err == nil && (paidOn(t, day) || slices.ContainsFunc(t.Refunds, func(r books.Refund) bool { return settledOn(&r, day) }))
}

// paidOn reports whether a payment stands in a settlement day's files.
func paidOn(t *books.Trade, day time.Time) bool {
	return !t.PaidAt.IsZero() && settlementDay(t.PaidAt).Equal(day)
}

// settledOn reports whether a refund stands in a settlement day's files: in those of the day on which its money went
// back, whichever day it was asked for.
func settledOn(r *books.Refund, day time.Time) bool {
	return r.Status == books.RefundSucceeded && settlementDay(r.SettledAt).Equal(day)
}

// billRows answers a settlement day's rows as the books have them, oldest order first.
func (s *Simulator) billRows(a *account, day time.Time) ([]billRow, error) {
	trades, err := s.env.Books.PaidTrades(Channel, a.merID)
	if err != nil {
		return nil, err
	}
	var rows []billRow
	for i := range trades {
		t := &trades[i]
		if paidOn(t, day) {
			rows = append(rows, billRow{
				number: t.OutTradeNo, orderID: t.OutTradeNo, queryID: t.ChannelTradeNo, txnType: "01", bizType: t.Attr(attrBizType),
				at: t.PaidAt, amount: t.Amount, fee: t.Fee, reserved: t.Attr(attrReserved),
			})
		}
		for j := range t.Refunds {
			r := &t.Refunds[j]
			if !settledOn(r, day) {
				continue
			}
			rows = append(rows, billRow{
				number: t.OutTradeNo, orderID: r.OutRefundNo, queryID: r.ChannelRefundNo, txnType: giveBackType(r), bizType: r.Attrs[attrBizType],
				at: r.SettledAt, amount: r.Amount, origQueryID: t.ChannelTradeNo, origOrderID: t.OutTradeNo, origAt: t.PaidAt,
				reserved: r.Attrs[attrReserved],
			})
		}
	}
	return rows, nil
}

// billValues are what may be falsified of a row.
func billValues(r *billRow) (number string, amount, fee *int64) { return r.number, &r.amount, &r.fee }

// foreignRow is a payment of one yuan at noon that never was.
func foreignRow(number string, seed uint64, day time.Time) billRow {
	at := day.Add(12 * time.Hour)
	return billRow{
		number: number, orderID: number, queryID: "99" + formatTime(at)[2:] + fmt.Sprintf("%06d8", seed%1e6),
		txnType: "01", bizType: "000201", at: at, amount: 100, fee: parts.Fee(100),
	}
}

// giveBackType is the txnType of a refund or an undo.
func giveBackType(r *books.Refund) string {
	if r.Attrs[attrName] == nameUndo {
		return "31"
	}
	return "04"
}

// onlyASCII keeps a text from shifting a line's columns.
func onlyASCII(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
}
