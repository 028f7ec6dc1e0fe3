package store_test

import (
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/router"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

// seedDay makes payments of a day, every third one paid at one account, and one
// on each side of the day.
func seedDay(t *testing.T, db *store.DB, day channels.Day, orders int) {
	t.Helper()
	err := db.InTx(t.Context(), func(tx payment.Tx) error {
		insert := func(minor int64, at time.Time, paid bool) error {
			p := storetest.NewBarePayment(t, "mer_1")
			p.Amount, p.CreatedAt, p.AccountID, p.Channel, p.Region = storetest.CNY(t, minor), at, "acc_a", "alipay", "CN-31"
			if paid {
				p.PaidMinor, p.Status = minor, payment.Succeeded
			}
			return tx.InsertPayment(t.Context(), p)
		}
		for i := range orders {
			if err := insert(int64(i%1000+1)*100, day.Start().Add(time.Duration(i)*time.Second), i%3 == 0); err != nil {
				return err
			}
		}
		if err := insert(7777, day.Start().Add(-time.Millisecond), true); err != nil {
			return err
		}
		return insert(7777, day.Next().Start(), true)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func replayAccount(id, channel string, ppm, most int64) channels.Account {
	return channels.Account{
		ID: id, MerchantID: "mer_1", Channel: channel, Enabled: true, Weight: 1, FeeRatePPM: ppm, MaxAmount: most,
		Capabilities: channels.Capabilities{
			Scenes:     map[channels.Scene]channels.SceneCapability{channels.SceneQR: {}},
			Currencies: []money.Currency{money.CNY}, MinAmount: 1, MaxAmount: 1_000_000,
		},
	}
}

func TestRouting_ReplayOfASeededDay(t *testing.T) {
	storetest.ForEach(t, func(t *testing.T, db *store.DB) {
		const orders = 3000 // three times the amounts 1.00 to 1000.00
		day := channels.DayAt(storetest.Start())
		seedDay(t, db, day, orders)
		rules, issues := router.ReadRules(map[string]any{"version": int64(1), "rules": []any{
			map[string]any{
				"name": "all", "when": map[string]any{"region": []any{"CN-31"}}, "use": []any{map[string]any{"account": "acc_b"}},
			},
		}})
		if rules == nil {
			t.Fatal(issues)
		}
		// The other account is cheaper and takes up to 900.00.
		replay := router.NewReplay(rules, []channels.Account{replayAccount("acc_a", "alipay", 6000, 0), replayAccount("acc_b", "wechatpay", 3000, 90_000)})
		err := db.EachOrder(t.Context(), "mer_1", day.Start(), day.Next().Start(), func(o router.PastOrder) error {
			replay.Add(o)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got := replay.Report()
		if got.Orders != orders || got.Amount != 3*100*1000*1001/2 || got.Moved != 2700 || got.Untaken != 300 || got.UntakenWhy[0].Why != channels.RejectedAmount {
			t.Errorf("report %+v", got)
		}
		if was := got.Accounts[0].Was; was.Orders != orders || was.Paid == 0 || got.FeesWould*2 < got.FeesWas-2700 || got.FeesWould*2 > got.FeesWas+2700 {
			t.Errorf("fees %d instead of %d of %+v", got.FeesWould, got.FeesWas, was)
		}
	})
}
