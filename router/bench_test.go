package router_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paymux/paymux/router"
)

// BenchmarkDecide is one decision among four accounts, without rules and with
// fifty of which the last one matches.
func BenchmarkDecide(b *testing.B) {
	var set accounts
	for i := range 4 {
		set = append(set, account(accountID(i), []string{"alipay", "wechatpay", "unionpay"}[i%3], 10*i+10))
	}
	var list []string
	for i := range 50 {
		list = append(list, fmt.Sprintf(`{"name":"rule-%d","when":{"amount":{"min":%d},"region":["r%d"],"metadata":{"tier":"gold"},"hours":["08:00-22:00"]},"strategy":"lowest_fee"}`, i, 10*i+10, i))
	}
	list = append(list, `{"name":"last","use":[{"channel":"alipay","weight":3},{"channel":"wechatpay","weight":1}]}`)
	document := `{"version":1,"rules":[` + strings.Join(list, ",") + `]}`
	for name, r := range map[string]*router.Router{
		"NoRules":    router.New(set, health{}),
		"FiftyRules": router.New(set, health{}, router.WithRules(book{"mer_1": rules(b, document)})),
		"Mix":        router.New(set, health{}, router.WithLoads(loads{}), router.WithRules(book{"mer_1": rules(b, `{"version":1,"strategy":"mix"}`)})),
	} {
		b.Run(name, func(b *testing.B) {
			req := request(b, 5000, "order-1")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Decide(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestDecide_AllocatesLittle keeps a decision to its list of candidates and one
// sentence for each.
func TestDecide_AllocatesLittle(t *testing.T) {
	set := accounts{account("acc_a", "alipay", 1), account("acc_b", "wechatpay", 2), account("acc_c", "unionpay", 3)}
	r := router.New(set, health{}, router.WithRules(book{"mer_1": rules(t, everyRule)}))
	req := request(t, 5000, "order-1")
	if n := testing.AllocsPerRun(100, func() { _, _ = r.Decide(t.Context(), req) }); n > 12 {
		t.Errorf("%v allocations for a decision among three accounts", n)
	}
}
