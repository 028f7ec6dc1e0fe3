package router_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/router"
)

// BenchmarkCheck is the check of as many rules as are allowed, each with
// conditions of every kind that overlap at random: the worst that a document can
// ask for.
func BenchmarkCheck(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	rs := &router.Rules{}
	for i := range 200 {
		least := random.Int64N(1000) + 1
		from := random.IntN(1000)
		h, err := channels.ParseHours(fmt.Sprintf("%02d:%02d-%02d:00", from%20, from%60, 21+from%3))
		if err != nil {
			b.Fatal(err)
		}
		day := channels.DayAt(time.Unix(int64(random.IntN(50))*86400, 0))
		rs.List = append(rs.List, router.Rule{Name: fmt.Sprint(i), Refuse: "x", When: router.Conditions{
			MinAmount: least, MaxAmount: least + random.Int64N(1000), Currencies: []money.Currency{money.CNY}, Scenes: channels.Scenes()[random.IntN(4):],
			Regions:  []string{fmt.Sprint(random.IntN(5)), fmt.Sprint("b", random.IntN(5))},
			Metadata: []router.Pair{{Key: fmt.Sprint(random.IntN(3)), Values: []string{"a", fmt.Sprint(random.IntN(3))}}},
			From:     day, To: day.Add(random.IntN(40)), Hours: []channels.Hours{h},
		}})
	}
	set := accounts{account("acc_a", "alipay", 1), account("acc_w", "wechatpay", 2), account("acc_u", "unionpay", 2)}
	for b.Loop() {
		rs.Check(set, time.Unix(0, 0))
	}
}
