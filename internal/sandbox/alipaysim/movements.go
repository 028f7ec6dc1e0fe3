package alipaysim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/sandbox/parts"
)

// movement is money that came onto the seller's balance or left it, in fen.
type movement struct {
	flowNo, businessNo, number, subject, other string
	at                                         time.Time
	amount, balance                            int64
	kind, remark                               string
}

// movements are what a day's rows do to the balance, which begins the day at 0: each payment comes in whole, and its fee
// leaves beside it.
func movements(rows []billRow) []movement {
	var all []movement
	var balance int64
	move := func(r billRow, kind string, amount int64) {
		if amount == 0 {
			return
		}
		balance += amount
		all = append(all, movement{
			flowNo: r.finished.In(parts.Beijing()).Format("20060102150405") + fmt.Sprintf("%06d", len(all)+1), businessNo: r.tradeNo, number: r.number,
			subject: r.subject, other: r.buyer, at: r.finished, amount: amount, balance: balance, kind: kind, remark: r.requestNo,
		})
	}
	for _, r := range rows {
		kind := "在线支付"
		if r.amount < 0 {
			kind = "交易退款"
		}
		move(r, kind, r.amount)
		move(r, "收费", -r.fee)
	}
	return all
}

// inOut adds movements up, with what left as a positive sum.
type inOut struct{ ins, in, outs, out int64 }

func (s *inOut) add(m movement) {
	if m.amount < 0 {
		s.outs++
		s.out -= m.amount
		return
	}
	s.ins++
	s.in += m.amount
}

func movementText(a *account, day time.Time, moved []movement, exported string) string {
	var out strings.Builder
	out.WriteString(billHead("账务明细查询", a, day))
	out.WriteString("#-----------------------------------------账务明细列表----------------------------------------" + crlf)
	out.WriteString("账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注" + crlf)
	var sum inOut
	for _, m := range moved {
		sum.add(m)
		out.WriteString(strings.Join([]string{
			m.flowNo + "\t", m.businessNo + "\t", m.number + "\t", cell(m.subject) + "\t", formatTime(m.at), m.other + "\t",
			formatYuan(max(m.amount, 0)), signedYuan(min(m.amount, 0)), signedYuan(m.balance), "支付宝", m.kind, cell(m.remark),
		}, ",") + crlf)
	}
	out.WriteString("#----------------------------------------账务明细列表结束-------------------------------------" + crlf)
	fmt.Fprintf(&out, "#支出合计：%d笔，共%s元%s", sum.outs, signedYuan(-sum.out), crlf)
	fmt.Fprintf(&out, "#收入合计：%d笔，共%s元%s", sum.ins, formatYuan(sum.in), crlf)
	out.WriteString("#导出时间：[" + exported + "]" + crlf)
	return out.String()
}

func movementSummary(a *account, day time.Time, moved []movement, exported string) string {
	var out strings.Builder
	out.WriteString(billHead("账务汇总查询", a, day))
	out.WriteString("#-----------------------------------------账务汇总列表----------------------------------------" + crlf)
	out.WriteString("类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）" + crlf)
	var kinds []string
	of, all := make(map[string]*inOut), &inOut{}
	for _, m := range moved {
		if of[m.kind] == nil {
			kinds = append(kinds, m.kind)
			of[m.kind] = &inOut{}
		}
		of[m.kind].add(m)
		all.add(m)
	}
	slices.Sort(kinds)
	line := func(kind string, s *inOut) {
		out.WriteString(strings.Join([]string{
			kind, strconv.FormatInt(s.ins, 10), formatYuan(s.in), strconv.FormatInt(s.outs, 10), signedYuan(-s.out), signedYuan(s.in - s.out),
		}, ",") + crlf)
	}
	for _, kind := range kinds {
		line(kind, of[kind])
	}
	line("合计", all)
	out.WriteString("#----------------------------------------账务汇总列表结束-------------------------------------" + crlf)
	out.WriteString("#导出时间：[" + exported + "]" + crlf)
	return out.String()
}
