package wechatpaysim

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1" //nolint:gosec // the protocol's hash of bills
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

const (
	billPath     = "/v3/billdownload/file"
	billMonths   = 3  // for which bills are kept
	maxBillLinks = 16 // that live at a time; the oldest ends for another one
)

// billLink is what a download address leads to: the bytes whose hash was told.
type billLink struct {
	mchid string
	bytes []byte
}

// tradeBill answers where a day's payments and refunds can be fetched.
func (s *Simulator) tradeBill(c *call) (reply, error) {
	kind := c.query.Get("bill_type")
	if kind == "" {
		kind = billAll
	}
	form, known := tradeBillForms()[kind]
	if !known {
		return reply{}, parameterError("bill_type", "query", "账单类型无效", kind)
	}
	sub := c.query.Get("sub_mchid")
	return s.billLink(c, func(day time.Time, rows []billRow) []byte {
		return form.file(c.account, slices.DeleteFunc(rows, func(r billRow) bool { return sub != "" && r.sub != sub }))
	})
}

// fundFlowBill answers where a day's movements of the merchant's balance can be fetched.
func (s *Simulator) fundFlowBill(c *call) (reply, error) {
	kind := c.query.Get("account_type")
	if !slices.Contains([]string{"", "BASIC", "OPERATION", "FEES"}, kind) {
		return reply{}, parameterError("account_type", "query", "资金账户类型无效", kind)
	}
	return s.billLink(c, func(_ time.Time, rows []billRow) []byte {
		if kind == "OPERATION" || kind == "FEES" {
			rows = nil // everything moves on the basic account
		}
		return fundFlowFile(rows)
	})
}

// billLink makes a bill and answers its address and hash. Bills are of days that are over by the calendar, and of
// merchants that were there; a day without business gives a bill without rows.
func (s *Simulator) billLink(c *call, write func(day time.Time, rows []billRow) []byte) (reply, error) {
	day, err := s.billDay(c)
	if err != nil {
		return reply{}, err
	}
	zipped := c.query.Get("tar_type") == "GZIP"
	if tar := c.query.Get("tar_type"); tar != "" && !zipped {
		return reply{}, parameterError("tar_type", "query", "压缩类型无效", tar)
	}
	rows, err := s.billRows(c.account, day)
	if err != nil {
		return reply{}, err
	}
	file := write(day, rows)
	hash := sha1.Sum(file) //nolint:gosec // the protocol's hash of bills
	token, link := keys.Letters(64), billLink{c.account.mchid, file}
	q := url.Values{"token": {token}}
	if zipped {
		q.Set("tartype", "gzip")
		if link.bytes, err = zip(file); err != nil {
			return reply{}, err
		}
	}
	s.links.Add(token, link, c.now)
	return ok(object{
		"hash_type": "SHA1", "hash_value": hex.EncodeToString(hash[:]), "download_url": s.env.ChannelBase + billPath + "?" + q.Encode(),
	}), nil
}

func (s *Simulator) billDay(c *call) (time.Time, error) {
	date := c.query.Get("bill_date")
	day, err := time.ParseInLocation(parts.DateLayout, date, parts.Beijing())
	if err != nil {
		return day, parameterError("bill_date", "query", "账单日期格式错误", date)
	}
	calendar := s.env.Calendar()
	switch {
	case day.After(calendar) || day.Before(calendar.AddDate(0, -billMonths, 0)):
		return day, invalidRequest("账单日期不在可下载的范围内，仅支持三个月内的账单")
	case day.AddDate(0, 0, 1).After(calendar):
		return day, statement("STATEMENT_CREATING", "账单生成中，请稍后再试")
	case day.AddDate(0, 0, 1).Before(c.account.openedAt):
		return day, statement("NO_STATEMENT_EXIST", "账单文件不存在")
	}
	return day, nil
}

func statement(code, message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: code, message: message, fine: fineUnclassified}
}

func zip(file []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(file)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compress a bill: %w", err)
	}
	return out.Bytes(), nil
}

func (s *Simulator) downloadBill(c *call) (reply, error) {
	link, known := s.links.Find(c.query.Get("token"), c.now)
	if !known || link.mchid != c.account.mchid {
		return reply{}, invalidRequest("下载地址已失效，请重新申请账单")
	}
	return reply{file: link.bytes}, nil
}

// HasBillRow reports whether a day's bill has a row of a trade.
func (s *Simulator) HasBillRow(t *books.Trade, date string) bool {
	return parts.PaidOn(t, date) || slices.ContainsFunc(t.Refunds, func(r books.Refund) bool { return takenInOn(&r, date) })
}

// takenInOn reports whether a refund stands in a day's bill: in that of the day on which it was taken in, settled or not.
func takenInOn(r *books.Refund, date string) bool {
	return r.Status != books.RefundFailed && r.CreatedAt.In(parts.Beijing()).Format(parts.DateLayout) == date
}

// billRows answers a day's rows as the books have them, oldest order first, falsified as asked. Payments stand on the day
// on which they were made, refunds on the day on which they were taken in.
func (s *Simulator) billRows(a *account, day time.Time) ([]billRow, error) {
	trades, err := s.env.Books.PaidTrades(Channel, a.mchid)
	if err != nil {
		return nil, err
	}
	date := day.Format(parts.DateLayout)
	var rows []billRow
	for i := range trades {
		t := &trades[i]
		row := billRow{
			appid: a.AppID, transactionID: t.ChannelTradeNo, number: t.OutTradeNo, openid: t.Attr(attrOpenID), kind: tradeType(t.Product),
			subject: t.Subject, attach: t.Attr(attrAttach), device: t.Attr(attrDevice), sub: t.Attr(attrSub), state: stateSuccess,
		}
		if parts.PaidOn(t, date) {
			paid := row
			paid.at, paid.amount, paid.fee = t.PaidAt, t.Amount, t.Fee
			rows = append(rows, paid)
		}
		for j := range t.Refunds {
			r := &t.Refunds[j]
			if !takenInOn(r, date) {
				continue
			}
			attrs := attrsOf(r)
			back := row
			back.at, back.settled, back.amount, back.fee, back.state = r.CreatedAt, r.SettledAt, -r.Amount, -attrs.fee, stateRefund
			back.refundID, back.refundNumber, back.refundStatus = r.ChannelRefundNo, r.OutRefundNo, refundStatus(r)
			if attrs.reversal {
				back.state = stateReversed
			}
			rows = append(rows, back)
		}
	}
	tampers, err := s.env.TamperedFor(date, a.mchid)
	if err != nil {
		return nil, err
	}
	return parts.Falsify(rows, tampers, billValues, func(number string, seed uint64) billRow { return foreignRow(a, number, seed, day) }), nil
}
