package alipay

import (
	"strings"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/internal/money"
)

// Headings of the account movements.
const (
	headFlowNo   = "账务流水号"
	headBusiness = "业务流水号"
	headAt       = "发生时间"
	headIn       = "收入金额（+元）"
	headOut      = "支出金额（-元）"
	headFlowType = "类型"
	headInCount  = "收入笔数"
	headOutCount = "支出笔数"
)

// fundLedger reads the account movements (signcustomer): what came in and what
// went out, each with its own column. Whether an outgoing amount has a sign
// differs from file to file.
type fundLedger struct {
	each func(channels.BillRow) error
	at   struct{ flowNo, business, orderNo, at, in, out, kind int }

	ins, inSum, outs, outSum billfile.Sum
	stated                   struct{ ins, inSum, outs, outSum stated }

	sumsAt   struct{ kind, ins, in, outs, out int }
	said     struct{ ins, inSum, outs, outSum billfile.Sum }
	saidAll  struct{ ins, inSum, outs, outSum stated }
	saidRows bool
}

func newFundLedger(each func(channels.BillRow) error) ledger { return &fundLedger{each: each} }

func (l *fundLedger) detail() sheet {
	return sheet{
		title: "账务明细", needed: []string{headFlowNo, headAt, headIn, headOut, headOrderNo, headBusiness}, optional: []string{headKind},
		headings: func(columns billfile.Columns) {
			l.at.flowNo, l.at.business, l.at.orderNo = columns.At(headFlowNo), columns.At(headBusiness), columns.At(headOrderNo)
			l.at.at, l.at.in, l.at.out, l.at.kind = columns.At(headAt), columns.At(headIn), columns.At(headOut), columns.At(headKind)
		},
		row: l.row, footer: l.footer,
	}
}

func (l *fundLedger) row(line int64, cells [][]byte) error {
	in, err := optionalAmount(line, headIn, cells[l.at.in])
	if err != nil {
		return err
	}
	out, err := optionalAmount(line, headOut, cells[l.at.out])
	if err != nil {
		return err
	}
	if out < 0 {
		out = -out
	}
	if in < 0 || in > 0 && out > 0 {
		return billfile.Broken(line, "a movement that comes in and goes out")
	}
	at, err := billfile.Time(cells[l.at.at])
	if err != nil {
		return billfile.Broken(line, "%s: %v", headAt, err)
	}
	row := channels.BillRow{
		Line: line, Type: channels.BillOther, At: at, AttemptID: decodeBill(cells[l.at.orderNo]), ChannelTradeNo: decodeBill(cells[l.at.business]),
	}
	direction := "收入"
	if out > 0 {
		direction = "支出"
		l.outs.Add(1)
		l.outSum.Add(out)
	} else if in > 0 {
		l.ins.Add(1)
		l.inSum.Add(in)
	}
	if row.Amount, err = money.New(in+out, money.CNY); err != nil {
		return billfile.Broken(line, "the amount cannot be counted")
	}
	row.Text = direction
	if l.at.kind >= 0 {
		row.Text += " " + decodeBill(cells[l.at.kind])
	}
	if err := l.each(row); err != nil {
		return &billfile.CallerError{Err: err}
	}
	return nil
}

// optionalAmount reads an amount in fen; an empty cell is zero.
func optionalAmount(line int64, heading string, cell []byte) (int64, error) {
	if len(cell) == 0 {
		return 0, nil
	}
	n, err := billfile.Decimal(cell, 2)
	if err != nil {
		return 0, billfile.Broken(line, "%s: %v", heading, err)
	}
	return n, nil
}

func (l *fundLedger) footer(line int64, text string) error {
	for _, f := range []struct {
		word       string
		count, sum *stated
	}{{"#支出合计：", &l.stated.outs, &l.stated.outSum}, {"#收入合计：", &l.stated.ins, &l.stated.inSum}} {
		numbers, ok, err := footerNumbers(line, text, f.word, "笔，共", "元")
		if err != nil {
			return err
		}
		if ok {
			f.count.set(line, numbers[0])
			f.sum.set(line, max(numbers[1], -numbers[1]))
		}
	}
	return nil
}

// sums is the sheet of sums: a row for each type of movement, and one of all.
func (l *fundLedger) sums() sheet {
	return sheet{
		title: "账务汇总", needed: []string{headFlowType, headInCount, headIn, headOutCount, headOut},
		headings: func(columns billfile.Columns) {
			l.sumsAt.kind, l.sumsAt.ins, l.sumsAt.in = columns.At(headFlowType), columns.At(headInCount), columns.At(headIn)
			l.sumsAt.outs, l.sumsAt.out = columns.At(headOutCount), columns.At(headOut)
		},
		row: l.sumsRow, footer: func(int64, string) error { return nil },
	}
}

func (l *fundLedger) sumsRow(line int64, cells [][]byte) error {
	ins, err1 := billfile.Count(cells[l.sumsAt.ins])
	outs, err2 := billfile.Count(cells[l.sumsAt.outs])
	if err1 != nil || err2 != nil {
		return billfile.Broken(line, "the number of movements cannot be read")
	}
	in, err := optionalAmount(line, headIn, cells[l.sumsAt.in])
	if err != nil {
		return err
	}
	out, err := optionalAmount(line, headOut, cells[l.sumsAt.out])
	if err != nil {
		return err
	}
	out = max(out, -out)
	if strings.HasPrefix(decodeBill(cells[l.sumsAt.kind]), sumsOfAll) {
		l.saidAll.ins.set(line, ins)
		l.saidAll.inSum.set(line, in)
		l.saidAll.outs.set(line, outs)
		l.saidAll.outSum.set(line, out)
		return nil
	}
	l.saidRows = true
	l.said.ins.Add(ins)
	l.said.inSum.Add(in)
	l.said.outs.Add(outs)
	l.said.outSum.Add(out)
	return nil
}

// finish compares. A file of a day without movements may have headings alone.
func (l *fundLedger) finish(end sheetEnd, hasSums bool) (channels.BillTotals, error) {
	if end.rows > 0 && (!end.ended || !l.stated.ins.there || !l.stated.outs.there) {
		return channels.BillTotals{}, billfile.Broken(0, "the end of the rows or their totals are missing: the file is cut off")
	}
	if end.rows > 0 && (!hasSums || !l.saidAll.ins.there) {
		return channels.BillTotals{}, billfile.Broken(0, "the archive has no file of sums (汇总), or it has no row of all (合计)")
	}
	for _, check := range []struct {
		what        string
		stated, all stated
		sum, said   billfile.Sum
	}{
		{"the number of incomes", l.stated.ins, l.saidAll.ins, l.ins, l.said.ins},
		{"what came in", l.stated.inSum, l.saidAll.inSum, l.inSum, l.said.inSum},
		{"the number of expenses", l.stated.outs, l.saidAll.outs, l.outs, l.said.outs},
		{"what went out", l.stated.outSum, l.saidAll.outSum, l.outSum, l.said.outSum},
	} {
		if err := check.stated.agree(check.what, check.sum); err != nil {
			return channels.BillTotals{}, err
		}
		if err := check.all.agree(check.what, check.sum); err != nil {
			return channels.BillTotals{}, inSums(err)
		}
		if l.saidRows {
			if err := check.all.agree(check.what+" of all types", check.said); err != nil {
				return channels.BillTotals{}, inSums(err)
			}
		}
	}
	t := channels.BillTotals{Currency: money.CNY, Rows: end.rows, Stated: l.stated.ins.there}
	ok := true
	for _, v := range []struct {
		into *int64
		sum  billfile.Sum
	}{{&t.Payments, l.ins}, {&t.PaymentMinor, l.inSum}, {&t.Refunds, l.outs}, {&t.RefundMinor, l.outSum}} {
		value, fits := v.sum.Value()
		*v.into, ok = value, ok && fits
	}
	if !ok {
		return channels.BillTotals{}, billfile.Broken(0, "the rows add up to more than can be counted")
	}
	return t, nil
}
