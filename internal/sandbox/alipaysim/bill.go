package alipaysim

import (
	"net/http"
	"net/url"
	"time"

	"github.com/paymux/paymux/internal/sandbox/parts"
)

const billPath = "/downloadBillFile.resource"

// billLink is what a download address leads to.
type billLink struct {
	account *account
	kind    string
	date    string
}

// billAddress answers where a day's bill can be fetched. Bills are of days that are over by the calendar, and of
// accounts that were there; a day without business gives a bill without rows.
func (s *Simulator) billAddress(c *call) (node, error) {
	date := c.content.get("bill_date")
	day, err := time.ParseInLocation(parts.DateLayout, date, parts.Beijing())
	kind := c.content.get("bill_type")
	if _, known := billWords()[kind]; err != nil || !known || s.env.Calendar().Before(day.AddDate(0, 0, 1)) {
		return nil, business(isvInvalidArguments)
	}
	if day.AddDate(0, 0, 1).Before(c.account.openedAt) {
		return nil, business(ispBillNotExist)
	}
	token := newToken()
	s.links.Add(token, billLink{c.account, kind, date}, c.now)
	q := url.Values{
		"bizType": {kind}, "userId": {billUser(c.account)}, "fileType": {"csv.zip"}, "bizDates": {day.Format("20060102")},
		"downloadFileName": {billName(c.account, date) + ".csv.zip"}, "timestamp": {c.now.Format("20060102150405")}, "token": {token},
	}
	return success(field{"bill_download_url", s.env.ChannelBase + billPath + "?" + q.Encode()}), nil
}

// downloadBill serves the archive to whoever has the address, unsigned, as the channel does.
func (s *Simulator) downloadBill(w http.ResponseWriter, r *http.Request) {
	link, ok := s.links.Find(r.URL.Query().Get("token"), s.env.Now())
	if !ok {
		http.Error(w, "the address has expired", http.StatusForbidden)
		return
	}
	archive, err := s.bill(link.account, link.kind, link.date)
	if err != nil {
		s.env.Logger.Error("write a bill", "channel", Channel, "date", link.date, "error", err)
		http.Error(w, "the bill could not be written", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+billName(link.account, link.date)+`.csv.zip"`)
	_, _ = w.Write(archive)
}

// billRows answers a day's rows as the books have them, oldest first.
func (s *Simulator) billRows(a *account, date string) ([]billRow, error) {
	trades, err := s.env.Books.PaidTrades(Channel, a.appID)
	if err != nil {
		return nil, err
	}
	var rows []billRow
	for i := range trades {
		t := &trades[i]
		row := billRow{
			tradeNo: t.ChannelTradeNo, number: t.OutTradeNo, subject: t.Subject, created: t.CreatedAt, store: t.Attr(attrStore),
			operator: t.Attr(attrOperator), terminal: t.Attr(attrTerminal), buyer: a.buyerNo, remark: t.Attr(attrBody),
		}
		if parts.PaidOn(t, date) {
			paid := row
			paid.finished, paid.amount, paid.fee = t.PaidAt, t.Amount, t.Fee
			rows = append(rows, paid)
		}
		for _, r := range t.Refunds {
			if settledOn(&r, date) {
				back := row
				back.finished, back.amount, back.requestNo = r.SettledAt, -r.Amount, r.OutRefundNo
				rows = append(rows, back)
			}
		}
	}
	return rows, nil
}
