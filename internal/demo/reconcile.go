package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/paymux/paymux/signing"
)

// business is what the demo has done at a channel.
type business struct {
	payments, refunds         int64
	paymentMinor, refundMinor int64
}

// side is one side's sums of a reconciliation.
type side struct {
	Payments     int64 `json:"payments"`
	Refunds      int64 `json:"refunds"`
	Fees         int64 `json:"fees"`
	Net          int64 `json:"net"`
	PaymentCount int64 `json:"payment_count"`
	RefundCount  int64 `json:"refund_count"`
}

func (s *side) add(o side) {
	s.Payments += o.Payments
	s.Refunds += o.Refunds
	s.Fees += o.Fees
	s.Net += o.Net
	s.PaymentCount += o.PaymentCount
	s.RefundCount += o.RefundCount
}

// reconciliation is an account's day as far as the demo reads it.
type reconciliation struct {
	Date     string  `json:"date"`
	Channel  string  `json:"channel"`
	Status   string  `json:"status"`
	Matched  int64   `json:"matched"`
	Open     int64   `json:"discrepancies_open"`
	Repaired int64   `json:"discrepancies_repaired"`
	Resolved int64   `json:"discrepancies_resolved"`
	Failure  *string `json:"failure"`
	Totals   struct {
		Ours   side  `json:"ours"`
		Theirs *side `json:"theirs"`
	} `json:"totals"`
}

// calendarAhead is how far the channels' calendar is moved, so that the bills of
// everything that was just done are there: those of days that end at 23:00 too.
const calendarAhead = "48h"

// shanghai is where channels count their days.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// days are the business days in whose bills the demo's business can stand. What
// is done after 23:00 stands in UnionPay's file of the next day.
func days(from, to time.Time) []string {
	var out []string
	last := to.Add(time.Hour).In(shanghai).Format(time.DateOnly)
	for day := from.In(shanghai); ; day = day.AddDate(0, 0, 1) {
		name := day.Format(time.DateOnly)
		out = append(out, name)
		if name >= last {
			return out
		}
	}
}

// closeBooks ends the day: bills, reconciliation, and the files for finance.
func (d *demo) closeBooks(ctx context.Context, from time.Time) {
	if d.target.Reconcile == nil {
		return
	}
	s := d.screen.section("books", "closed")
	s.step(ctx, "the day ends at the channels", func(ctx context.Context) (string, error) {
		return "their calendar moves on by " + calendarAhead, d.control(ctx, http.MethodPost, "/_control/clock", map[string]string{"advance": calendarAhead}, nil)
	})
	all := days(from, time.Now())
	results := map[string][]reconciliation{}
	for _, day := range all {
		s.step(ctx, "paymux reconcile --date "+day, func(ctx context.Context) (string, error) {
			if err := d.target.Reconcile(ctx, day); err != nil {
				return "", err
			}
			var list struct {
				Data []reconciliation `json:"data"`
			}
			_, err := d.call(ctx, http.MethodGet, "/v1/reconciliations?date="+day, nil, &list, http.StatusOK)
			for _, r := range list.Data {
				results[r.Channel] = append(results[r.Channel], r)
			}
			return fmt.Sprintf("%d bills fetched, read and matched", len(list.Data)), err
		})
	}
	for _, channel := range d.channels {
		s.step(ctx, channel+"'s bill and our books", func(context.Context) (string, error) {
			return balanced(results[channel], d.done[channel])
		})
	}
	for _, day := range all {
		d.statement(ctx, s, day)
	}
}

// balanced holds a channel's days against what the demo has done there.
func balanced(list []reconciliation, done business) (string, error) {
	var ours, theirs side
	var matched, differences int64
	for _, r := range list {
		if r.Status != "balanced" || r.Totals.Theirs == nil {
			why := ""
			if r.Failure != nil {
				why = ": " + *r.Failure
			}
			return "", fmt.Errorf("%s is %s with %d discrepancies open%s", r.Date, r.Status, r.Open, why)
		}
		matched += r.Matched
		differences += r.Open + r.Repaired + r.Resolved
		ours.add(r.Totals.Ours)
		theirs.add(*r.Totals.Theirs)
	}
	want := side{
		Payments: done.paymentMinor, Refunds: done.refundMinor, PaymentCount: done.payments, RefundCount: done.refunds,
		Fees: theirs.Fees, Net: done.paymentMinor - done.refundMinor - theirs.Fees,
	}
	if theirs != want || ours != want || matched != done.payments+done.refunds || differences != 0 {
		return "", fmt.Errorf("the channel has %+v, we %+v, the demo did %+v; %d rows matched, %d differences", theirs, ours, want, matched, differences)
	}
	return fmt.Sprintf("%d payments, %d refunds matched · 0 differences · %s − %s − fees %s = %s",
		done.payments, done.refunds, yuan(theirs.Payments), yuan(theirs.Refunds), yuan(theirs.Fees), yuan(theirs.Net)), nil
}

// statement fetches a day's files as the merchant's finance would.
func (d *demo) statement(ctx context.Context, s *section, day string) {
	var version int64
	s.step(ctx, "merchant is told of the statement", func(ctx context.Context) (string, error) {
		e, err := d.target.Receiver.await(ctx, "reconciliation.ready", day)
		version = e.Data.Version
		return fmt.Sprintf("signed webhook %s, %s version %d, %d rows", e.Type, day, version, e.Data.Rows), err
	})
	for _, form := range []string{"csv", "xlsx"} {
		s.step(ctx, "finance downloads the "+strings.ToUpper(form), func(ctx context.Context) (string, error) {
			target := fmt.Sprintf("/v1/statements/%s.%s", day, form)
			query := fmt.Sprintf("?version=%d", version)
			answer, err := d.call(ctx, http.MethodGet, target+query, nil, nil, http.StatusOK)
			if err != nil {
				return "", err
			}
			beside, err := d.call(ctx, http.MethodGet, target+".sha256"+query, nil, nil, http.StatusOK)
			if err != nil {
				return "", err
			}
			return checkFile(form, answer, beside.Body)
		})
	}
}

// checkFile checks a statement's hash and that it is a file of its kind.
func checkFile(form string, answer *signing.Answer, beside []byte) (string, error) {
	sum := sha256.Sum256(answer.Body)
	digest := hex.EncodeToString(sum[:])
	begins := map[string]string{"csv": "\uFEFF", "xlsx": "PK"}[form]
	switch {
	case !answer.Signed || answer.Header.Get(signing.HeaderContentSHA256) != digest:
		return "", errors.New("the file is not signed as what it is")
	case !bytes.HasPrefix(beside, []byte(digest+"  ")):
		return "", fmt.Errorf("its SHA-256 is %s, beside it stands %q", digest, beside)
	case !bytes.HasPrefix(answer.Body, []byte(begins)):
		return "", fmt.Errorf("the file is no %s", form)
	}
	return fmt.Sprintf("%d bytes, signed, SHA-256 %s…", len(answer.Body), digest[:12]), nil
}
