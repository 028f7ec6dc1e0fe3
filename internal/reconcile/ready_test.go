package reconcile_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/notify"
)

// with is a service that knows merchants by another directory.
func (w *world) with(dir reconcile.Directory) *reconcile.Service {
	deps := w.deps(w.db, "host/1", writeText)
	deps.Directory = dir
	return reconcile.New(w.cfg, deps)
}

// twoBanks is a directory whose second account has a bank of its own.
type twoBanks struct {
	*world
	second *bank
}

func (x twoBanks) Bills(_ context.Context, id string) (channels.BillSource, bool, error) {
	if id == "acc_2" {
		return x.second, true, nil
	}
	return x.bank, true, nil
}

// addSecond gives the merchant a second account.
func (w *world) addSecond(channel string) {
	other := w.accounts[0]
	other.ID, other.Channel = "acc_2", channel
	w.accounts = append(w.accounts, other)
}

// planned has the schedule do what is due at a moment.
func (w *world) planned(s *reconcile.Service, at time.Time) {
	w.Helper()
	w.clock.set(at)
	if _, err := s.Plan(w.Context()); err != nil {
		w.Fatal(err)
	}
	leases, err := s.Claim(w.Context(), 100)
	if err != nil {
		w.Fatal(err)
	}
	for _, l := range leases {
		if err := s.RunClaimed(w.Context(), l); err != nil {
			w.Fatal(err)
		}
	}
}

// The event said balanced, and net 0, of a day of which one account was not
// reconciled yet.
func TestReady_TellsAccountsWithoutAResultAsPending(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		w.accounts[0].CreatedAt = noon
		w.addSecond("wechatpay")
		d := day(t, "2026-11-20")
		late := newBank()
		late.calendar.Due = 10 * time.Hour
		a := w.book(10_000, noon)
		w.book(990_000, noon, func(a *payment.Attempt) { a.AccountID, a.Channel = "acc_2", "wechatpay" })
		w.bill(d, row(a))
		s := w.with(twoBanks{w, late})
		w.planned(s, d.Next().Start().Add(9*time.Hour+15*time.Minute))
		events, err := w.db.ListEvents(t.Context(), notify.EventFilter{MerchantID: merchantID, Limit: 10})
		if err != nil || len(events) != 1 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		e, err := w.db.EventByID(t.Context(), merchantID, events[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		var body struct {
			Data struct {
				Status   string
				Accounts []struct {
					ID     string `json:"account_id"`
					Status string
					Net    int64 `json:"net_amount"`
				}
			}
		}
		if err := json.Unmarshal(e.Body, &body); err != nil {
			t.Fatal(err)
		}
		got := body.Data.Accounts
		if body.Data.Status != "pending" || len(got) != 2 || got[0].Status != "balanced" || got[0].Net != 9940 ||
			got[1].ID != "acc_2" || got[1].Status != "pending" || got[1].Net != 990_000-fee(990_000) {
			t.Errorf("the event says %+v", body.Data)
		}
	})
}
