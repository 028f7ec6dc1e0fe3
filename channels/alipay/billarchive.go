package alipay

import (
	"archive/zip"
	"errors"
	"strings"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
)

const (
	// maxDirectory bounds what is read to list an archive: package zip keeps
	// every entry's header in memory, and a bill has two.
	maxDirectory = 256 << 10
	// maxEntries is how many entries an archive may have.
	maxEntries = 8
)

// ledger reads the two sheets of one kind of bill and adds them up.
type ledger interface {
	// detail is the sheet of rows; it is read first.
	detail() sheet
	// sums is the sheet of sums.
	sums() sheet
	// finish compares what the sheets state with what the rows add up to.
	// hasSums: there was a sheet of sums.
	finish(detail sheetEnd, hasSums bool) (channels.BillTotals, error)
}

// billForm is one kind of bill.
type billForm struct {
	// word begins the titles of its sheets and the ends of their names.
	word string
	open func(each func(channels.BillRow) error) ledger
}

func billForms() map[channels.BillKind]billForm {
	return map[channels.BillKind]billForm{
		channels.BillTrades: {word: "业务", open: newTradeLedger},
		channels.BillFunds:  {word: "账务", open: newFundLedger},
	}
}

// readArchive reads the sheet of rows, then that of sums, whichever comes first
// in the archive. Each entry's CRC and length are checked when it was read.
func (c *Client) readArchive(form billForm, day channels.Day, source *billfile.Source, size int64, each func(channels.BillRow) error) (channels.BillTotals, error) {
	detail, sums, err := billEntries(form, source, size)
	if err != nil {
		return channels.BillTotals{}, err
	}
	l := form.open(each)
	end, err := c.readEntry(detail, l.detail(), day)
	if err != nil {
		return channels.BillTotals{}, err
	}
	if sums != nil {
		if _, err := c.readEntry(sums, l.sums(), day); err != nil {
			return channels.BillTotals{}, inSums(err)
		}
	}
	return l.finish(end, sums != nil)
}

// billEntries finds the two files by their names, which are in GBK. sums is nil
// where there is none.
func billEntries(form billForm, source *billfile.Source, size int64) (detail, sums *zip.File, err error) {
	source.Bound(maxDirectory)
	archive, err := zip.NewReader(source, size)
	source.Bound(-1)
	if err != nil {
		return nil, nil, billfile.Broken(0, "it is no ZIP archive of a bill: %s", billfile.Reason(err))
	}
	if len(archive.File) > maxEntries {
		return nil, nil, billfile.Broken(0, "the archive has %d entries", len(archive.File))
	}
	for _, f := range archive.File {
		name := f.Name
		if f.NonUTF8 {
			name = decodeBill([]byte(name))
		}
		place := &detail
		switch {
		case strings.HasSuffix(name, "/"): // a folder
			continue
		case strings.Contains(name, form.word+"明细") && strings.Contains(name, "汇总"):
			place = &sums
		case !strings.Contains(name, form.word+"明细"):
			return nil, nil, billfile.Broken(0, "the archive has an entry that is neither of the two files of a bill")
		}
		if *place != nil {
			return nil, nil, billfile.Broken(0, "the archive has one of its files twice")
		}
		if f.Flags&1 != 0 {
			return nil, nil, billfile.Broken(0, "the archive is encrypted")
		}
		*place = f
	}
	if detail == nil {
		return nil, nil, billfile.Broken(0, "the archive has no file %s明细", form.word)
	}
	return detail, sums, nil
}

func (c *Client) readEntry(f *zip.File, s sheet, day channels.Day) (sheetEnd, error) {
	content, err := f.Open()
	if err != nil {
		return sheetEnd{}, err
	}
	defer func() { _ = content.Close() }()
	return c.readSheet(billfile.Capped(content, billfile.Limit(c.cfg.BillMaxUnpackedBytes, billfile.MaxUnpackedBytes)), s, day)
}

// inSums marks an error as one of the sheet of sums, whose lines are its own.
func inSums(err error) error {
	var broken *channels.BrokenBillError
	if !errors.As(err, &broken) {
		return err
	}
	return &channels.BrokenBillError{Line: broken.Line, Detail: "in the file of sums (汇总): " + broken.Detail}
}
