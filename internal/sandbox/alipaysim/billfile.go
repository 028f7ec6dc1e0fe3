package alipaysim

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paymux/paymux/internal/sandbox/parts"
)

// billRow is one movement of a day: a payment, or a refund with a negative amount. Amounts are in fen.
type billRow struct {
	tradeNo, number, subject         string
	created, finished                time.Time
	store, operator, terminal, buyer string
	amount, fee                      int64
	requestNo, remark                string
}

// billUser is the account's number in bills.
func billUser(a *account) string { return a.SellerID + "0156" }

func billName(a *account, date string) string {
	return billUser(a) + "_" + strings.ReplaceAll(date, "-", "")
}

// Kinds of bills.
const (
	billTrade    = "trade"
	billMovement = "signcustomer"
)

// billWords are what begins the titles of a bill's two files and ends their names.
func billWords() map[string]string {
	return map[string]string{billTrade: "业务", billMovement: "账务"}
}

// bill writes a day's archive: two GBK files whose names are GBK too, without the flag that would say UTF-8.
func (s *Simulator) bill(a *account, kind, date string) ([]byte, error) {
	rows, err := s.billRows(a, date)
	if err != nil {
		return nil, err
	}
	tampers, err := s.env.TamperedFor(date, a.appID)
	if err != nil {
		return nil, err
	}
	day, err := time.ParseInLocation(parts.DateLayout, date, parts.Beijing())
	if err != nil {
		return nil, fmt.Errorf("bill of %q: %w", date, err)
	}
	rows = parts.Falsify(rows, tampers, billValues, func(number string, seed uint64) billRow { return foreignRow(number, seed, day) })
	exported := formatBillTime(s.env.Calendar())
	detail, summary := detailText(a, day, rows, exported), summaryText(a, day, rows, exported)
	if kind == billMovement {
		moved := movements(rows)
		detail, summary = movementText(a, day, moved, exported), movementSummary(a, day, moved, exported)
	}
	var archive bytes.Buffer
	out := zip.NewWriter(&archive)
	for _, file := range []struct{ end, text string }{{"明细.csv", detail}, {"明细(汇总).csv", summary}} {
		if err := addGBK(out, billName(a, date)+"_"+billWords()[kind]+file.end, file.text); err != nil {
			return nil, err
		}
	}
	if err := out.Close(); err != nil {
		return nil, fmt.Errorf("write the bill's archive: %w", err)
	}
	return archive.Bytes(), nil
}

func addGBK(out *zip.Writer, name, text string) error {
	encoder := simplifiedchinese.GB18030.NewEncoder()
	gbkName, err := encoder.String(name)
	if err != nil {
		return fmt.Errorf("encode a bill's name: %w", err)
	}
	gbkText, err := encoder.String(text)
	if err != nil {
		return fmt.Errorf("encode a bill: %w", err)
	}
	w, err := out.CreateHeader(&zip.FileHeader{Name: gbkName, NonUTF8: true, Method: zip.Deflate})
	if err == nil {
		_, err = w.Write([]byte(gbkText))
	}
	if err != nil {
		return fmt.Errorf("write the bill's archive: %w", err)
	}
	return nil
}

// billValues are what may be falsified of a row.
func billValues(r *billRow) (number string, amount, fee *int64) { return r.number, &r.amount, &r.fee }

// foreignRow is a payment of one yuan at noon that never was.
func foreignRow(number string, seed uint64, day time.Time) billRow {
	return billRow{
		tradeNo: day.Format("20060102") + "22001" + fmt.Sprintf("%015d", seed%1e15), number: number, subject: "foreign row",
		created: day.Add(12 * time.Hour), finished: day.Add(12*time.Hour + time.Second), buyer: "oth***@sandbox.example", amount: 100, fee: parts.Fee(100),
	}
}

func formatBillTime(t time.Time) string {
	return t.In(parts.Beijing()).Format("2006年01月02日 15:04:05")
}

const crlf = "\r\n"

func billHead(title string, a *account, day time.Time) string {
	return "#支付宝" + title + crlf + "#账号：[" + billUser(a) + "]" + crlf +
		"#起始日期：[" + formatBillTime(day) + "]   终止日期：[" + formatBillTime(day.AddDate(0, 0, 1)) + "]" + crlf
}

func detailText(a *account, day time.Time, rows []billRow, exported string) string {
	var out strings.Builder
	out.WriteString(billHead("业务明细查询", a, day))
	out.WriteString("#-----------------------------------------业务明细列表----------------------------------------" + crlf)
	out.WriteString("支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）," +
		"支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注" + crlf)
	var paid, back sums
	for _, r := range rows {
		kind, total := "交易", &paid
		if r.amount < 0 {
			kind, total = "退款", &back
		}
		total.add(r)
		requestNo := r.requestNo
		if requestNo == "" {
			requestNo = "\t"
		}
		out.WriteString(strings.Join([]string{
			r.tradeNo + "\t", r.number + "\t", kind, cell(r.subject), formatTime(r.created), formatTime(r.finished),
			cell(r.store) + "\t", cell(r.store) + "\t", cell(r.operator) + "\t", cell(r.terminal) + "\t", r.buyer + "\t",
			signedYuan(r.amount), signedYuan(r.amount), "0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00\t", "0.00",
			requestNo, signedYuan(-r.fee), "0.00", cell(r.remark),
		}, ",") + crlf)
	}
	out.WriteString("#-----------------------------------------业务明细列表结束------------------------------------" + crlf)
	fmt.Fprintf(&out, "#交易合计：%d笔，商家实收共%s元，商家优惠共0.00元%s", paid.count, signedYuan(paid.amount), crlf)
	fmt.Fprintf(&out, "#退款合计：%d笔，商家实收退款共%s元，商家优惠退款共0.00元%s", back.count, signedYuan(back.amount), crlf)
	out.WriteString("#导出时间：[" + exported + "]" + crlf)
	return out.String()
}

// sums adds rows up.
type sums struct {
	count       int
	amount, fee int64
}

func (s *sums) add(r billRow) {
	s.count++
	s.amount += r.amount
	s.fee += r.fee
}

func summaryText(a *account, day time.Time, rows []billRow, exported string) string {
	var out strings.Builder
	out.WriteString(billHead("业务汇总查询", a, day))
	out.WriteString("#-----------------------------------------业务汇总列表----------------------------------------" + crlf)
	out.WriteString("门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）" + crlf)
	stores := []string{}
	paid, back := make(map[string]*sums), make(map[string]*sums)
	allPaid, allBack := &sums{}, &sums{}
	for _, r := range rows {
		if !slices.Contains(stores, r.store) {
			stores = append(stores, r.store)
			paid[r.store], back[r.store] = &sums{}, &sums{}
		}
		if r.amount < 0 {
			back[r.store].add(r)
			allBack.add(r)
		} else {
			paid[r.store].add(r)
			allPaid.add(r)
		}
	}
	slices.Sort(stores)
	line := func(first, second string, paid, back *sums) {
		net, charged := paid.amount+back.amount, paid.fee+back.fee
		out.WriteString(strings.Join([]string{
			first, second, strconv.Itoa(paid.count), strconv.Itoa(back.count), signedYuan(net), signedYuan(net), "0.00", "0.00", "0.00",
			signedYuan(-charged), "0.00", signedYuan(net - charged),
		}, ",") + crlf)
	}
	for _, store := range stores {
		line(cell(store)+"\t", cell(store)+"\t", paid[store], back[store])
	}
	line("合计\t", "\t", allPaid, allBack)
	out.WriteString("#----------------------------------------业务汇总列表结束-------------------------------------" + crlf)
	out.WriteString("#导出时间：[" + exported + "]" + crlf)
	return out.String()
}

// cell keeps a text in its cell: values are not quoted in these files.
func cell(s string) string {
	return strings.NewReplacer(",", "，", "\r", " ", "\n", " ", "\t", " ").Replace(s)
}

func signedYuan(fen int64) string {
	if fen < 0 {
		return "-" + formatYuan(-fen)
	}
	return formatYuan(fen)
}
