package wechatpay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/channels/transport"
)

var _ channels.BillSource = (*Client)(nil)

const (
	// billDue: bills are made from 9:00 on the next day, and to be asked for
	// after 10:00, says the documentation of bill/tradebill.
	billDue = 10 * time.Hour
	// noBillBelievedAfter is how long after that NO_STATEMENT_EXIST is taken for
	// "nothing was done": before, it also says "not there yet".
	noBillBelievedAfter = 2 * time.Hour
)

// billPaths are where the addresses of the kinds of bills are asked for.
func billPaths() map[channels.BillKind]string {
	return map[channels.BillKind]string{channels.BillTrades: "/v3/bill/tradebill", channels.BillFunds: "/v3/bill/fundflowbill"}
}

// BillCalendar: days end at midnight. A refund stands in the bill of the day on
// which it was accepted, and gives back its share of the fee. A service
// provider's fund-flow bill is of its own balance, not of the merchant's.
func (c *Client) BillCalendar() channels.BillCalendar {
	kinds := []channels.BillKind{channels.BillTrades, channels.BillFunds}
	if c.cfg.isPartner() {
		kinds = kinds[:1]
	}
	return channels.BillCalendar{Kinds: kinds, Due: billDue, RefundOnAcceptance: true, RefundsReturnFees: true}
}

// FetchBill asks where the day's bill lies and fetches it from there, packed by
// GZIP and signed for like every request. The link lives 30 s. The download's
// answer is not signed: the signed answer before it states the SHA-1 of what
// the file unpacks to, which is compared while the file passes.
func (c *Client) FetchBill(ctx context.Context, kind channels.BillKind, day channels.Day, w io.Writer) (channels.BillFile, error) {
	path, ok := billPaths()[kind]
	if !ok {
		return channels.BillFile{}, c.fail(channels.OpBill, channels.NotProcessed, fmt.Errorf("wechatpay has no bill of the kind %q", kind))
	}
	r, err := c.call(ctx, call{op: channels.OpBill, method: http.MethodGet, path: path, query: c.billQuery(kind, day)})
	if err != nil {
		return channels.BillFile{}, c.noBill(r, day, err)
	}
	want := strings.ToLower(r.text("hash_value"))
	if r.text("hash_type") != "SHA1" || len(want) != 40 {
		return channels.BillFile{}, c.fail(channels.OpBill, channels.Unknown, errors.New("verified answer states no SHA-1 of the bill"))
	}
	link, err := c.links.Follow(r.text("download_url"))
	if err != nil {
		return channels.BillFile{}, c.fail(channels.OpBill, channels.Unknown, err)
	}
	hash := newBillHash(billfile.Limit(c.cfg.BillMaxUnpackedBytes, billfile.MaxUnpackedBytes))
	defer hash.abandon()
	got, err := c.download(ctx, link, io.MultiWriter(w, hash))
	if err != nil {
		return channels.BillFile{}, c.fail(channels.OpBill, channels.Unknown, fmt.Errorf("download wechatpay bill: %w", err))
	}
	if err := hash.compare(want); err != nil {
		return channels.BillFile{}, c.fail(channels.OpBill, channels.Unknown, fmt.Errorf("download wechatpay bill: %w", err))
	}
	return billFile(kind, day, got.Header), nil
}

func (c *Client) billQuery(kind channels.BillKind, day channels.Day) url.Values {
	q := url.Values{"bill_date": {day.String()}, "tar_type": {"GZIP"}}
	if kind == channels.BillFunds {
		q.Set("account_type", "BASIC")
		return q
	}
	q.Set("bill_type", "ALL")
	if c.cfg.isPartner() {
		q.Set("sub_mchid", c.cfg.SubMchID)
	}
	return q
}

// download fetches the file of a link, signed over its path and query.
func (c *Client) download(ctx context.Context, link *url.URL, w io.Writer) (transport.Answer, error) {
	authorization, err := c.authorization(http.MethodGet, link.RequestURI(), nil)
	if err != nil {
		return transport.Answer{}, fmt.Errorf("%w: %w", errSign, err)
	}
	got, err := c.http.Download(ctx, transport.Request{
		Method: http.MethodGet, URL: link.String(), MaxAnswer: billfile.Limit(c.cfg.BillMaxBytes, billfile.MaxBytes),
		Header: http.Header{consts.Authorization: {authorization}, consts.Accept: {"*/*"}, consts.UserAgent: {"paymux"}},
	}, w)
	if err == nil && got.Status != http.StatusOK {
		err = statusError(got)
	}
	return got, err
}

// noBill tells the refusals that say "there is none" from all others.
// INVALID_REQUEST is the answer for a day that is not over: before the bill is
// due it is taken for that.
func (c *Client) noBill(r reply, day channels.Day, err error) error {
	if r.status/100 != 4 {
		return err
	}
	due := c.BillCalendar().DueAt(day)
	switch {
	case sameCode(r.code, "STATEMENT_CREATING"),
		sameCode(r.code, "NO_STATEMENT_EXIST") && c.now().Before(due.Add(noBillBelievedAfter)),
		sameCode(r.code, "INVALID_REQUEST") && c.now().Before(due):
		return fmt.Errorf("wechatpay has no bill of %s yet: %w", day, channels.ErrBillNotReady)
	case sameCode(r.code, "NO_STATEMENT_EXIST"):
		return fmt.Errorf("wechatpay has no bill of %s: %w", day, channels.ErrNoBusiness)
	}
	return err
}

// billFile names the file as the answer does, or by what it is.
func billFile(kind channels.BillKind, day channels.Day, h http.Header) channels.BillFile {
	f := channels.BillFile{Name: fmt.Sprintf("wechatpay_%s_%s.csv.gz", kind, day), ContentType: "application/gzip"}
	if _, params, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		f.Name = texts.Clip(params["filename"], maxMessage)
	}
	return f
}
