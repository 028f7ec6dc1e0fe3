package alipay

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/channels/transport"
)

var _ channels.BillSource = (*Client)(nil)

const (
	// billDue: a day's bill is "usually" there before 9:00 on the next day, says
	// the documentation of alipay.data.dataservice.bill.downloadurl.query.
	billDue = 9 * time.Hour
	// noBillBelievedAfter is how long after that Alipay's one code for "not
	// written yet" and "nothing was done" is taken for the latter.
	noBillBelievedAfter = 24 * time.Hour
)

// billDownloadHost is where Alipay's documentation shows bills to be.
const billDownloadHost = "dwbillcenter.alipay.com"

// billTypes are Alipay's words for the kinds of bills.
func billTypes() map[channels.BillKind]string {
	return map[channels.BillKind]string{channels.BillTrades: "trade", channels.BillFunds: "signcustomer"}
}

// BillCalendar: days end at midnight. Refunds stand in the bill of the day on
// which they succeeded, and the fee of what is refunded is kept.
func (c *Client) BillCalendar() channels.BillCalendar {
	return channels.BillCalendar{Kinds: []channels.BillKind{channels.BillTrades, channels.BillFunds}, Due: billDue}
}

// FetchBill asks where the day's bill lies and fetches it from there. The link
// lives 30 s and its content is signed by nobody: what vouches for it are TLS,
// the list of hosts, and when it is read the archive's checksums and the totals
// of its two files.
//
// isp.bill_not_exist says both "not written yet" and "nothing was done": it is
// ErrBillNotReady until a day after the bill was due, and ErrNoBusiness then.
func (c *Client) FetchBill(ctx context.Context, kind channels.BillKind, day channels.Day, w io.Writer) (channels.BillFile, error) {
	billType, ok := billTypes()[kind]
	if !ok {
		return channels.BillFile{}, c.fail(channels.OpBill, channels.NotProcessed, fmt.Errorf("alipay has no bill of the kind %q", kind))
	}
	r, err := c.call(ctx, channels.OpBill, sdk.BillDownloadURLQuery{BillType: billType, BillDate: day.String()})
	if err != nil {
		return channels.BillFile{}, c.noBill(r, day, err)
	}
	link, err := c.links.Follow(r.text("bill_download_url"))
	if err != nil {
		return channels.BillFile{}, c.fail(channels.OpBill, channels.Unknown, err)
	}
	got, err := c.http.Download(ctx, transport.Request{
		Method: http.MethodGet, URL: link.String(), MaxAnswer: billfile.Limit(c.cfg.BillMaxBytes, billfile.MaxBytes),
	}, w)
	if err == nil && got.Status != http.StatusOK {
		err = fmt.Errorf("the download answered HTTP status %d", got.Status)
	}
	if err != nil {
		return channels.BillFile{}, c.fail(channels.OpBill, channels.Unknown, fmt.Errorf("download alipay bill: %w", err))
	}
	return channels.BillFile{Name: billName(link, got.Header), ContentType: "application/zip"}, nil
}

// noBill tells the refusals that say "there is none" from all others. The
// documented spellings (BILL_NOT_EXIST) have not been seen, those with isp.
// have.
//
// invalid_arguments is the answer for a day that is not over: before the bill
// is due it is taken for that, as our dates are always well-formed.
func (c *Client) noBill(r reply, day channels.Day, err error) error {
	due := c.BillCalendar().DueAt(day)
	switch {
	case slices.Contains(noBillCodes(), r.subCode):
		if c.now().Before(due.Add(noBillBelievedAfter)) {
			return fmt.Errorf("alipay has no bill of %s: %w", day, channels.ErrBillNotReady)
		}
		return fmt.Errorf("alipay has no bill of %s: %w", day, channels.ErrNoBusiness)
	case slices.Contains(badBillArguments(), r.subCode) && c.now().Before(due):
		return fmt.Errorf("alipay has no bill of %s yet: %w", day, channels.ErrBillNotReady)
	}
	return err
}

func noBillCodes() []string {
	return []string{"isp.bill_not_exist", "bill_not_exist", "BILL_NOT_EXIST"}
}

func badBillArguments() []string {
	return []string{"isv.invalid_arguments", "invalid_arguments", "isv.invalid-arguments", "INVALID_ARGUMENTS", "INVAILID_ARGUMENTS"}
}

// billName is the file's name for people: the answer's, else the link's.
func billName(link *url.URL, h http.Header) string {
	if _, params, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		return texts.Clip(params["filename"], maxMessage)
	}
	if name := link.Query().Get("downloadFileName"); name != "" {
		return texts.Clip(name, maxMessage)
	}
	return "alipay.csv.zip"
}

// ReadBill reads the archive of a day: a file of details and one of sums, both
// in GBK. Of the trade bill, payments and refunds are told by the column
// 业务类型, the amount is what the merchant received (商家实收), and a refund's
// number is what was sent as out_request_no. Rows of account movements are
// BillOther.
//
// Totals of the trade bill: payments and refunds as the file counts them, fees
// from 服务费. Of account movements: what came in as payments, what went out as
// refunds.
func (c *Client) ReadBill(kind channels.BillKind, day channels.Day, original io.ReaderAt, size int64, each func(channels.BillRow) error) (channels.BillTotals, error) {
	form, ok := billForms()[kind]
	if !ok {
		return channels.BillTotals{}, fmt.Errorf("alipay has no bill of the kind %q", kind)
	}
	source := billfile.NewSource(original, size)
	totals, err := c.readArchive(form, day, source, size, each)
	if err != nil {
		return channels.BillTotals{}, source.Verdict("an alipay bill", err)
	}
	return totals, nil
}
