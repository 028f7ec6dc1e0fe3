package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/router"
)

// maxRulesNote bounds why rules were set, in bytes.
const maxRulesNote = 1000

// ErrRulesChanged says that the rules are not those that the caller has seen.
var ErrRulesChanged = errors.New("the rules were changed meanwhile; look at them with: paymux routes show, and set yours again")

// RulesChange is a document to make a merchant's rules.
type RulesChange struct {
	MerchantID string
	Document   string
	// Actor is who sets it, Note is why.
	Actor, Note string
	// Expect is the version that it takes the place of; negative: whatever holds.
	Expect int64
}

// CheckRules reads a document and looks at it beside the merchant's accounts.
// The rules are nil where an issue is a fault.
func (in *Installation) CheckRules(ctx context.Context, merchantID, document string) (*router.Rules, []router.Issue, error) {
	accounts, err := in.routedAccounts(ctx, merchantID)
	if err != nil {
		return nil, nil, err
	}
	t := rulesTree{lines: map[string]int{}}
	rules, issues := t.rules(document)
	if rules == nil {
		return nil, issues, nil
	}
	issues = append(issues, rules.Check(accounts, in.Now())...)
	t.locate(issues)
	if router.Faulty(issues) {
		return nil, issues, nil
	}
	return rules, issues, nil
}

func (in *Installation) routedAccounts(ctx context.Context, merchantID string) ([]channels.Account, error) {
	if _, err := in.Merchants.Profile(ctx, merchantID); err != nil {
		return nil, err
	}
	return in.Accounts.Routes(ctx, merchantID)
}

// SetRules makes a document the merchant's rules, with an entry in the audit
// trail; every replica follows within routing.reload. One that holds already
// makes no new version. Where an issue is a fault nothing changes and the
// revision's version is 0. ErrRulesChanged where another version holds than was
// expected.
func (in *Installation) SetRules(ctx context.Context, c RulesChange) (router.Revision, []router.Issue, error) {
	if len(c.Note) > maxRulesNote || !utf8.ValidString(c.Note) {
		return router.Revision{}, nil, fmt.Errorf("the reason must be at most %d bytes of text", maxRulesNote)
	}
	rules, issues, err := in.CheckRules(ctx, c.MerchantID, c.Document)
	if err != nil || rules == nil {
		return router.Revision{}, issues, err
	}
	newest, err := in.RulesRevision(ctx, c.MerchantID, 0)
	if err != nil && !errors.Is(err, payment.ErrNotFound) {
		return router.Revision{}, issues, err
	}
	if c.Expect >= 0 && newest.Version != c.Expect {
		return router.Revision{}, issues, fmt.Errorf("version %d holds, not %d: %w", newest.Version, c.Expect, ErrRulesChanged)
	}
	if newest.Version > 0 && newest.Document == c.Document {
		return newest, issues, nil
	}
	sum := sha256.Sum256([]byte(c.Document))
	detail, err := json.Marshal(map[string]any{
		"version": newest.Version + 1, "previous": newest.Version, "rules": len(rules.List),
		"sha256": hex.EncodeToString(sum[:]), "reason": c.Note,
	})
	if err != nil {
		return router.Revision{}, issues, fmt.Errorf("describe the change of rules: %w", err)
	}
	made, err := in.DB.AppendRules(ctx, router.Revision{
		MerchantID: c.MerchantID, Version: newest.Version + 1, Document: c.Document, Actor: c.Actor, Note: c.Note,
		CreatedAt: in.Now().UTC().Truncate(time.Millisecond),
	}, in.Audit(c.Actor, "routing.set", c.MerchantID, c.MerchantID, string(detail)))
	if errors.Is(err, payment.ErrStale) {
		err = ErrRulesChanged
	}
	return made, issues, err
}

// RulesRevision gives a version of a merchant's rules, 0 for the one that holds;
// payment.ErrNotFound.
func (in *Installation) RulesRevision(ctx context.Context, merchantID string, version int64) (router.Revision, error) {
	before := int64(0)
	if version > 0 {
		before = version + 1
	}
	list, err := in.RulesHistory(ctx, merchantID, before, 1)
	if err != nil {
		return router.Revision{}, err
	}
	if len(list) == 0 || version > 0 && list[0].Version != version {
		return router.Revision{}, fmt.Errorf("rules of merchant %q: %w", merchantID, payment.ErrNotFound)
	}
	return list[0], nil
}

// RulesHistory lists versions of a merchant's rules below a version, newest
// first; before 0: from the newest on.
func (in *Installation) RulesHistory(ctx context.Context, merchantID string, before int64, limit int) ([]router.Revision, error) {
	if _, err := in.Merchants.Profile(ctx, merchantID); err != nil {
		return nil, err
	}
	return in.DB.RulesOf(ctx, merchantID, before, limit)
}

// ReplayRules asks where the payments of a day would have gone by rules; nil:
// without any.
func (in *Installation) ReplayRules(ctx context.Context, merchantID string, rules *router.Rules, day channels.Day) (router.ReplayReport, error) {
	accounts, err := in.routedAccounts(ctx, merchantID)
	if err != nil {
		return router.ReplayReport{}, err
	}
	replay := router.NewReplay(rules, accounts)
	err = in.DB.EachOrder(ctx, merchantID, day.Start(), day.Next().Start(), func(o router.PastOrder) error {
		replay.Add(o)
		return nil
	})
	return replay.Report(), err
}
