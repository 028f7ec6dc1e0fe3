package unionpay

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
)

const (
	// billDue is when UnionPay says that a settlement day's files are there:
	// about 09:00 on the day after.
	billDue = 9 * time.Hour
	// noBillCertain is how long after that "there is no file" is taken to mean
	// that there was no business. It ends at 18:00, an hour after the latest time
	// that UnionPay names for any of its gateways (17:00, the test gateway's).
	noBillCertain = 9 * time.Hour
)

var _ channels.BillSource = (*Client)(nil)

// BillCalendar: settlement days end at 23:00 and settle refunds with them on the
// day on which they are settled. Fees are rounded half up to the fen, as recorded
// files show. Whether a refund returns its fee depends on the merchant's
// agreement; no recorded file has one, and here it does not.
func (c *Client) BillCalendar() channels.BillCalendar {
	return channels.BillCalendar{Kinds: []channels.BillKind{channels.BillTrades}, CutOff: settlementCut, Due: billDue}
}

// FetchBill writes a settlement day's archive to w. UnionPay has no bill of
// funds.
//
// Its answer "there is no file" (98) is given for a day without business, and
// for one whose files are not made yet. It is [channels.ErrBillAbsent] until
// 18:00 on the day after by our clock, then [channels.ErrNoBusiness]. A file
// that is there is taken whatever our clock says.
func (c *Client) FetchBill(ctx context.Context, kind channels.BillKind, day channels.Day, w io.Writer) (channels.BillFile, error) {
	now := c.now()
	if kind != channels.BillTrades {
		return channels.BillFile{}, c.fail(channels.OpBill, channels.NotProcessed, fmt.Errorf("UnionPay has no bill of %s", kind))
	}
	if farAhead(day, now) {
		return channels.BillFile{}, fmt.Errorf("%w: %s has not come yet", channels.ErrBillNotReady, day)
	}
	f, err := c.DownloadFile(ctx, day, w)
	switch {
	case err == nil:
		return channels.BillFile{Name: f.Name, ContentType: "application/zip"}, nil
	case !errors.Is(err, ErrNoFile):
		return channels.BillFile{}, err
	case now.Before(c.BillCalendar().DueAt(day).Add(noBillCertain)):
		return channels.BillFile{}, fmt.Errorf("%w: %w", channels.ErrBillAbsent, err)
	default:
		return channels.BillFile{}, fmt.Errorf("%w: %w", channels.ErrNoBusiness, err)
	}
}

// ReadBill reads a settlement day's archive: the transactions (ZM), the errors
// and adjustments (ZME), which are told as [channels.BillOther] and are in no
// total, and the summary (RD), whose totals must be those of the transactions.
// Lines of the *BrokenBillError are those of the member that it names.
func (c *Client) ReadBill(kind channels.BillKind, day channels.Day, original io.ReaderAt, size int64, each func(channels.BillRow) error) (channels.BillTotals, error) {
	if kind != channels.BillTrades {
		return channels.BillTotals{}, fmt.Errorf("UnionPay has no bill of %s", kind)
	}
	source := billfile.NewSource(original, size)
	reading := billReading{merID: c.cfg.MerID, day: day, maxMember: billfile.Limit(c.cfg.BillMaxUnpackedBytes, maxMember)}
	totals, err := reading.read(source, size, each)
	if err != nil && source.Err() != nil {
		// What cannot be read is not damaged.
		return channels.BillTotals{}, fmt.Errorf("read the bill: %w", source.Err())
	}
	return totals, err
}

// billReading is what a bill is read against.
type billReading struct {
	merID string
	day   channels.Day
	// maxMember bounds a member of the archive unpacked, in bytes.
	maxMember int64
}

func (b billReading) read(original io.ReaderAt, size int64, each func(channels.BillRow) error) (channels.BillTotals, error) {
	a, err := openArchive(original, size, b.maxMember)
	if err != nil {
		return channels.BillTotals{}, err
	}
	if want := b.day.Format("060102"); a.date != want {
		return channels.BillTotals{}, broken(0, "its files are of the day %s, not %s (year, month, day)", a.date, want)
	}
	r := newRecordReader(b.merID, b.day, each)
	for _, m := range []struct {
		file *zip.File
		read func(io.Reader) error
	}{{a.detail, r.readDetail}, {a.errors, r.readErrors}} {
		if err := readMember(m.file, m.read); err != nil {
			return channels.BillTotals{}, err
		}
	}
	// UnionPay's test gateway hands out files whose names have another merchant's
	// number while each record has ours. The records decide; without any, the
	// names must.
	if a.merID != b.merID && r.totals.Rows == 0 {
		return channels.BillTotals{}, broken(0, "its files are another merchant's")
	}
	var stated summary
	err = readMember(a.summary, func(in io.Reader) (err error) {
		stated, err = readSummary(in)
		return err
	})
	if err != nil {
		return channels.BillTotals{}, err
	}
	if err := stated.check(a.merID, b.day, r.sums); err != nil {
		return channels.BillTotals{}, err
	}
	r.totals.Stated = true
	return r.totals, nil
}

// readMember reads a member to its end, where its length and checksum are
// compared. nil is a member that the archive does not have.
func readMember(f *zip.File, read func(io.Reader) error) error {
	if f == nil {
		return nil
	}
	in, err := f.Open()
	if err != nil {
		return broken(0, "%s cannot be unpacked", f.Name)
	}
	defer func() { _ = in.Close() }() // it holds nothing but memory
	return read(in)
}

// broken is billfile.Broken as an error.
func broken(line int64, format string, args ...any) error {
	return billfile.Broken(line, format, args...)
}
