package alipay

import (
	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/internal/money"
)

// Headings of the trade bill.
const (
	headTradeNo  = "支付宝交易号"
	headOrderNo  = "商户订单号"
	headKind     = "业务类型"
	headDone     = "完成时间"
	headStore    = "门店编号"
	headRequest  = "退款批次号/请求号"
	headOrdered  = "订单金额（元）"
	headReceived = "商家实收（元）"
	headDiscount = "商家优惠（元）"
	headFee      = "服务费（元）"
	headShare    = "分润（元）"
)

// tradeSums are the columns that both sheets have: the sheet of sums states
// what they add up to. They are looked for in this order; the amounts of a
// payment are positive but for its fee, those of a refund the other way round.
func tradeSums() []string {
	return []string{headOrdered, headReceived, headDiscount, headFee, "支付宝优惠（元）", "卡消费金额（元）", headShare}
}

// The first of tradeSums, which every file has; the others may be missing.
const (
	sumOrdered = iota
	sumReceived
	sumDiscount
	sumFee
	sumCount   = 7
	sumShare   = sumCount - 1
	sumsNeeded = sumFee + 1
)

// maxStores is up to how many stores the sums of each are compared; beyond, the
// sums of all are.
const maxStores = 10_000

// tally is what rows add up to.
type tally struct {
	paid, back billfile.Sum // rows
	sums       [sumCount]billfile.Sum
}

// tradeLedger reads the trade bill.
type tradeLedger struct {
	each func(channels.BillRow) error
	// at are the places of the columns of the sheet that is being read, -1 where
	// it has none.
	at struct {
		tradeNo, orderNo, kind, done, store, request int
		sums                                         [sumCount]int
	}
	all tally
	// received and discount are of payments and of refunds alone.
	paidReceived, paidDiscount, backReceived, backDiscount billfile.Sum
	fees                                                   billfile.Sum
	// stores are the sums of each, nil once there are too many.
	stores map[string]*tally
	// words are the decoded ones of headKind, of which there are few.
	words  map[string]string
	stated struct{ paid, paidReceived, paidDiscount, back, backReceived, backDiscount stated }
	totals tradeTotals
}

func newTradeLedger(each func(channels.BillRow) error) ledger {
	l := &tradeLedger{each: each, stores: map[string]*tally{}, words: map[string]string{}}
	l.totals = tradeTotals{of: l, stores: map[string]*storeTotals{}}
	return l
}

func (l *tradeLedger) detail() sheet {
	needed := []string{headTradeNo, headOrderNo, headKind, headDone, headRequest, headOrdered, headReceived, headDiscount, headFee}
	return sheet{title: "业务明细", needed: needed, optional: append(tradeSums(), headStore), headings: l.headings, row: l.row, footer: l.footer}
}

func (l *tradeLedger) sums() sheet { return l.totals.sheet() }

func (l *tradeLedger) headings(columns billfile.Columns) {
	l.at.tradeNo, l.at.orderNo, l.at.kind = columns.At(headTradeNo), columns.At(headOrderNo), columns.At(headKind)
	l.at.done, l.at.store, l.at.request = columns.At(headDone), columns.At(headStore), columns.At(headRequest)
	for i, heading := range tradeSums() {
		l.at.sums[i] = columns.At(heading)
	}
}

// row reads one line. A row that is neither a payment nor a refund counts in
// the sums only.
func (l *tradeLedger) row(line int64, cells [][]byte) error {
	amounts, err := readAmounts(line, cells, l.at.sums)
	if err != nil {
		return err
	}
	done, err := billfile.Time(cells[l.at.done])
	if err != nil {
		return billfile.Broken(line, "%s: %v", headDone, err)
	}
	kind := l.word(cells[l.at.kind])
	row := channels.BillRow{
		Line: line, AttemptID: decodeBill(cells[l.at.orderNo]), ChannelTradeNo: decodeBill(cells[l.at.tradeNo]),
		FeeMinor: -amounts[sumFee], At: done, Text: kind,
	}
	received := amounts[sumReceived]
	switch kind {
	case "交易":
		row.Type = channels.BillPayment
	case "退款":
		row.Type, row.RefundID = channels.BillRefund, decodeBill(cells[l.at.request])
		received = -received
	default:
		received = max(received, -received)
	}
	if row.Amount, err = money.New(received, money.CNY); err != nil {
		return billfile.Broken(line, "the sign of %s does not fit %s", headReceived, kind)
	}
	if row.AttemptID == "" && row.ChannelTradeNo == "" {
		return billfile.Broken(line, "the row names no order")
	}
	l.add(row, storeOf(cells, l.at.store), amounts)
	if err := l.each(row); err != nil {
		return &billfile.CallerError{Err: err}
	}
	return nil
}

// word decodes a word that stands in every row.
func (l *tradeLedger) word(cell []byte) string {
	const most = 64
	if word, known := l.words[string(cell)]; known {
		return word
	}
	word := decodeBill(cell)
	if len(l.words) < most {
		l.words[string(cell)] = word
	}
	return word
}

func storeOf(cells [][]byte, at int) []byte {
	if at < 0 {
		return nil
	}
	return cells[at]
}

// readAmounts reads the columns of tradeSums, in fen; zero where the sheet has
// none of them.
func readAmounts(line int64, cells [][]byte, at [sumCount]int) (amounts [sumCount]int64, err error) {
	for i, place := range at {
		if place < 0 {
			continue
		}
		if amounts[i], err = billfile.Decimal(cells[place], 2); err != nil {
			return amounts, billfile.Broken(line, "%s: %v", tradeSums()[i], err)
		}
	}
	return amounts, nil
}

func (l *tradeLedger) add(row channels.BillRow, store []byte, amounts [sumCount]int64) {
	if row.Type != channels.BillOther {
		l.fees.Add(row.FeeMinor)
	}
	l.all.add(row.Type, amounts)
	switch row.Type {
	case channels.BillPayment:
		l.paidReceived.Add(amounts[sumReceived])
		l.paidDiscount.Add(amounts[sumDiscount])
	case channels.BillRefund:
		l.backReceived.Add(amounts[sumReceived])
		l.backDiscount.Add(amounts[sumDiscount])
	case channels.BillOther:
	}
	if l.stores == nil {
		return
	}
	t := l.stores[string(store)]
	if t == nil {
		if len(l.stores) == maxStores {
			l.stores = nil
			return
		}
		t = &tally{}
		l.stores[string(store)] = t
	}
	t.add(row.Type, amounts)
}

func (t *tally) add(kind channels.BillRowType, amounts [sumCount]int64) {
	switch kind {
	case channels.BillPayment:
		t.paid.Add(1)
	case channels.BillRefund:
		t.back.Add(1)
	case channels.BillOther:
	}
	for i, amount := range amounts {
		t.sums[i].Add(amount)
	}
}

func (l *tradeLedger) footer(line int64, text string) error {
	for _, f := range []struct {
		words  []string
		stated []*stated
	}{
		{[]string{"#交易合计：", "笔，商家实收共", "元，商家优惠共", "元"}, []*stated{&l.stated.paid, &l.stated.paidReceived, &l.stated.paidDiscount}},
		{[]string{"#退款合计：", "笔，商家实收退款共", "元，商家优惠退款共", "元"}, []*stated{&l.stated.back, &l.stated.backReceived, &l.stated.backDiscount}},
	} {
		numbers, ok, err := footerNumbers(line, text, f.words...)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		for i, s := range f.stated {
			s.set(line, numbers[i])
		}
	}
	return nil
}

// finish compares. A file of a day without business may have headings alone.
func (l *tradeLedger) finish(end sheetEnd, hasSums bool) (channels.BillTotals, error) {
	if end.rows > 0 && (!end.ended || !l.stated.paid.there || !l.stated.back.there) {
		return channels.BillTotals{}, billfile.Broken(0, "the end of the rows or their totals are missing: the file is cut off")
	}
	if end.rows > 0 && !hasSums {
		return channels.BillTotals{}, billfile.Broken(0, "the archive has no file of sums (汇总)")
	}
	for _, check := range []struct {
		what   string
		stated stated
		sum    billfile.Sum
	}{
		{"the number of payments", l.stated.paid, l.all.paid},
		{"what was received", l.stated.paidReceived, l.paidReceived},
		{"the merchant's discounts", l.stated.paidDiscount, l.paidDiscount},
		{"the number of refunds", l.stated.back, l.all.back},
		{"what was given back", l.stated.backReceived, l.backReceived},
		{"the discounts given back", l.stated.backDiscount, l.backDiscount},
	} {
		if err := check.stated.agree(check.what, check.sum); err != nil {
			return channels.BillTotals{}, err
		}
	}
	if hasSums {
		if err := l.totals.compare(); err != nil {
			return channels.BillTotals{}, inSums(err)
		}
	}
	return l.result(end.rows)
}

func (l *tradeLedger) result(rows int64) (channels.BillTotals, error) {
	t := channels.BillTotals{Currency: money.CNY, Rows: rows, Stated: l.stated.paid.there}
	ok := true
	value := func(s billfile.Sum) int64 {
		v, fits := s.Value()
		ok = ok && fits
		return v
	}
	t.Payments, t.Refunds = value(l.all.paid), value(l.all.back)
	t.PaymentMinor, t.RefundMinor, t.FeeMinor = value(l.paidReceived), -value(l.backReceived), value(l.fees)
	if !ok {
		return channels.BillTotals{}, billfile.Broken(0, "the rows add up to more than can be counted")
	}
	return t, nil
}
