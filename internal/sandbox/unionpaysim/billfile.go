package unionpaysim

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paymux/paymux/internal/sandbox/parts"
)

// billArchive writes a settlement day's files: the rows (ZM) and the summary for people (RD).
func billArchive(merID string, day time.Time, rows []billRow, made time.Time) ([]byte, error) {
	var detail strings.Builder
	for i := range rows {
		detail.WriteString(detailLine(merID, &rows[i]) + "\r\n")
	}
	summary, err := simplifiedchinese.GBK.NewEncoder().String(summaryText(merID, day, rows, made))
	if err != nil {
		return nil, fmt.Errorf("encode a settlement summary: %w", err)
	}
	var archive bytes.Buffer
	out := zip.NewWriter(&archive)
	for _, file := range []struct{ name, text string }{
		{"INN" + day.Format("060102") + "88ZM_" + merID, detail.String()},
		{"RD2010" + day.Format("060102") + "01_" + merID, summary},
	} {
		w, err := out.Create(file.name)
		if err == nil {
			_, err = w.Write([]byte(file.text))
		}
		if err != nil {
			return nil, fmt.Errorf("write a settlement file: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return nil, fmt.Errorf("write a settlement file: %w", err)
	}
	return archive.Bytes(), nil
}

// column is one column of a line: its width in bytes and what it holds.
type column struct {
	width int
	text  string
}

// detailLine is one record of 607 bytes: 42 columns of fixed width, a blank between them. Everything in it is ASCII, of
// which GBK is a superset. How refunds look is inferred, as no real row of one is public: the sign D, their own numbers,
// and the original's in the columns that have its name.
func detailLine(merID string, r *billRow) string {
	sign, origTrace, origTime := "C", "", ""
	if r.out() {
		sign, origTrace, origTime = "D", traceNo(r.origQueryID), r.origAt.In(parts.Beijing()).Format(traceLayout)
	}
	feeText := signed(" ", 0, 12)
	if r.fee != 0 {
		feeText = signed("D", r.fee, 12)
	}
	net, none := signed(sign, r.net(), 12), signed(" ", 0, 12)
	columns := []column{
		{3, "S56"},
		{11, "88022900"},
		{11, "00049993"},
		{6, traceNo(r.queryID)},
		{10, r.at.In(parts.Beijing()).Format(traceLayout)},
		{19, "621626*********0018"},
		{12, fmt.Sprintf("%012d", r.amount)},
		{4, "5999"},
		{2, "07"},
		{21, r.queryID},
		{2, "01"},
		{32, r.orderID},
		{2, "01"},
		{6, origTrace},
		{10, origTime},
		{13, feeText},
		{13, net},
		{4, "0001"},
		{15, ""},
		{2, r.txnType},
		{2, ""},
		{6, r.bizType},
		{2, ""},
		{4, ""},
		{32, ""},
		{1, ""},
		{21, r.origQueryID},
		{15, merID},
		{1, ""},
		{15, "000000000000000"},
		{32, ""},
		{13, none},
		{13, net},
		{8, "01080209"},
		{32, r.reserved},
		{13, none},
		{13, none},
		{12, signed(" ", 0, 11)},
		{2, ""},
		{1, "7"},
		{32, r.origOrderID},
		{98, ""},
	}
	cells := make([]string, len(columns))
	for i, c := range columns {
		text := onlyASCII(c.text)
		cells[i] = fmt.Sprintf("%-*s", c.width, text[:min(len(text), c.width)])
	}
	return strings.Join(cells, " ")
}

// signed writes an amount of so many digits behind its sign.
func signed(sign string, fen int64, digits int) string {
	return fmt.Sprintf("%s%0*d", sign, digits, fen)
}

// sums adds rows of one direction up, in fen.
type sums struct {
	count            int
	amount, fee, net int64
}

func (s *sums) add(r *billRow) {
	s.count++
	s.amount += r.amount
	s.fee += r.fee
	s.net += r.net()
}

func summaryText(merID string, day time.Time, rows []billRow, made time.Time) string {
	kinds := []struct{ txnType, name string }{{"01", "自助消费"}, {"04", "退货"}, {"31", "消费撤销"}}
	var out strings.Builder
	const line = "________________________________________________________________________________________________________________________________________\r\n"
	const title = "交易笔数               交易金额                         费用                              资金清算差额\r\n" +
		"                                         借              贷              借              贷               借                  贷\r\n"
	fmt.Fprintf(&out, "%73s中国银联全渠道商户交易汇总表\r\n\r\n", "")
	fmt.Fprintf(&out, "商户代码:%-39s清算币种:人民币\r\n收单机构:88022900%31s清算日期:%s\r\n商户名称:Paymux Sandbox%25s生成日期:%s\r\n\r\n\r\n",
		merID, "", day.Format("20060102"), "", made.In(parts.Beijing()).Format("20060102"))
	out.WriteString("交易类型            " + title + line)
	var all, back sums
	for _, kind := range kinds {
		var in, gone sums
		for i := range rows {
			switch r := &rows[i]; {
			case r.txnType != kind.txnType:
			case r.out():
				gone.add(r)
				back.add(r)
			default:
				in.add(r)
				all.add(r)
			}
		}
		if in.count+gone.count > 0 || kind.txnType == "01" {
			out.WriteString(summaryLine(kind.name, in, gone))
		}
	}
	out.WriteString(line + summaryLine("总计", all, back) + "\r\n卡性质              " + title + line)
	out.WriteString(summaryLine("借记卡", all, back))
	for _, card := range []string{"贷记卡", "准贷记卡", "其他卡"} {
		out.WriteString(summaryLine(card, sums{}, sums{}))
	}
	out.WriteString(line + summaryLine("总计", all, back))
	return out.String()
}

// summaryLine is one line of the summary: 借 is what left the merchant, 贷 what came in.
func summaryLine(name string, in, gone sums) string {
	return fmt.Sprintf("%s%*d%16s%16s%16s%16s%16s%16s\r\n", name, 28-2*len([]rune(name)), in.count+gone.count,
		yuan(gone.amount), yuan(in.amount), yuan(in.fee+gone.fee), yuan(0), yuan(gone.net), yuan(in.net))
}

func yuan(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }
