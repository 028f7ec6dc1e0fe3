package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

const maxTampers = 10_000

// dateLayout is how a business day is written; days are Beijing's.
const dateLayout = "2006-01-02"

func settingTamper(channel, date string) string { return "bill/" + channel + "/" + date }

// tampered answers how a day's bill of a channel is falsified.
func (s *Server) tampered(channel, date string) ([]sim.Tamper, error) {
	var all []sim.Tamper
	_, err := s.books.Setting(settingTamper(channel, date), &all)
	return all, err
}

// postBills falsifies a day's bill; it takes the place of the day's former falsification.
func (s *Server) postBills(r *http.Request) (int, any, error) {
	var in struct {
		Channel string       `json:"channel"`
		Date    string       `json:"date"`
		Tamper  []sim.Tamper `json:"tamper"`
	}
	if err := readJSON(r, &in); err != nil {
		return 0, nil, err
	}
	c, ok := s.channel(in.Channel)
	if !ok {
		return 0, nil, badRequest("channel %q: %w", in.Channel, ErrUnknownChannel)
	}
	if _, err := time.Parse(dateLayout, in.Date); err != nil {
		return 0, nil, badRequest("date must be written YYYY-MM-DD: %w", err)
	}
	if len(in.Tamper) > maxTampers {
		return 0, nil, badRequest("more than %d falsifications", maxTampers)
	}
	for i := range in.Tamper {
		if err := s.aim(c, in.Date, &in.Tamper[i]); err != nil {
			return 0, nil, fmt.Errorf("tamper[%d]: %w", i, err)
		}
	}
	err := s.books.Change(func(tx *books.Tx) error {
		tx.SaveSetting(settingTamper(in.Channel, in.Date), in.Tamper)
		return nil
	})
	return http.StatusOK, in, err
}

// aim checks a falsification and finds the account whose bill it is meant for.
func (s *Server) aim(c *channel, date string, t *sim.Tamper) error {
	kinds := []sim.TamperKind{sim.LostRow, sim.ForeignRow, sim.WrongAmount, sim.WrongFee}
	if !slices.Contains(kinds, t.Kind) {
		return badRequest("kind %q is none of %v", t.Kind, kinds)
	}
	if t.OutTradeNo == "" {
		return badRequest("out_trade_no is missing")
	}
	if t.Kind == sim.ForeignRow {
		accounts := s.books.Accounts(c.Channel())
		if t.Account == "" && len(accounts) > 0 {
			t.Account = accounts[0].ID
		}
		if !slices.ContainsFunc(accounts, func(a books.Account) bool { return a.ID == t.Account }) {
			return badRequest("account %q is not one of %s's", t.Account, c.Channel())
		}
		return nil
	}
	trades, err := s.books.Numbered(t.OutTradeNo)
	if err != nil {
		return err
	}
	why := sim.ErrNotFound
	for _, trade := range trades {
		if trade.Channel != c.Channel() || (t.Account != "" && t.Account != trade.Account) {
			continue
		}
		why = fmt.Errorf("%w: order number %s has no row on %s", sim.ErrNotPossible, t.OutTradeNo, date)
		if c.HasBillRow(&trade, date) {
			t.Account = trade.Account
			return nil
		}
	}
	if errors.Is(why, sim.ErrNotFound) {
		return fmt.Errorf("%w: %s has not seen order number %q", why, c.Channel(), t.OutTradeNo)
	}
	return why
}
