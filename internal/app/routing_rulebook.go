package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paymux/paymux/router"
)

// Bounds of reading rules.
const (
	// revisionsPage is how many changed documents are read at once.
	revisionsPage = 200
	// revisionsBack is how many older versions are tried where the newest one
	// cannot be read by this binary.
	revisionsBack = 20
)

// revisions is the port to the kept rules.
type revisions interface {
	RulesGeneration(ctx context.Context) (int64, error)
	RulesSince(ctx context.Context, generation int64, limit int) ([]router.Revision, error)
	RulesOf(ctx context.Context, merchantID string, before int64, limit int) ([]router.Revision, error)
}

// ruleBook is every merchant's rules as they hold now: router.RuleBook. It
// follows the database by asking for one number; rules that cannot be read never
// take the place of ones that can.
type ruleBook struct {
	kept   revisions
	logger *slog.Logger
	now    func() time.Time

	rules atomic.Pointer[map[string]*router.Rules]

	mu         sync.Mutex // of refreshing
	generation int64
	refused    atomic.Int64
	loaded     atomic.Int64
}

func newRuleBook(kept revisions, logger *slog.Logger, now func() time.Time) *ruleBook {
	b := &ruleBook{kept: kept, logger: logger, now: now}
	b.rules.Store(&map[string]*router.Rules{})
	return b
}

// RulesOf implements router.RuleBook.
func (b *ruleBook) RulesOf(merchantID string) *router.Rules { return (*b.rules.Load())[merchantID] }

// refresh takes in what was changed since the last time. One change at a time:
// what was taken in before an error stays.
func (b *ruleBook) refresh(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	newest, err := b.kept.RulesGeneration(ctx)
	if err != nil {
		return err
	}
	for b.generation < newest {
		changed, err := b.kept.RulesSince(ctx, b.generation, revisionsPage)
		if err != nil {
			return err
		}
		if len(changed) == 0 {
			return nil
		}
		if err := b.take(ctx, changed); err != nil {
			return err
		}
		b.generation = changed[len(changed)-1].Generation
	}
	return nil
}

// take makes the newest of each merchant's changed rules hold.
func (b *ruleBook) take(ctx context.Context, changed []router.Revision) error {
	newest := map[string]router.Revision{}
	for _, r := range changed {
		newest[r.MerchantID] = r
	}
	next := maps.Clone(*b.rules.Load())
	for merchantID, r := range newest {
		rules, err := b.readable(ctx, r, next[merchantID])
		if err != nil {
			return err
		}
		if rules == nil || rules == next[merchantID] {
			continue
		}
		next[merchantID] = rules
		b.loaded.Add(1)
		b.logger.InfoContext(ctx, "routing rules hold", "merchant_id", merchantID, "version", rules.Version, "rules", len(rules.List))
	}
	b.rules.Store(&next)
	return nil
}

// readable gives the rules of a revision, or of the newest one before it that
// this binary can read; held when that is the one that holds already, nil when
// there is none.
func (b *ruleBook) readable(ctx context.Context, r router.Revision, held *router.Rules) (*router.Rules, error) {
	rules, issues := ReadRulesDocument(r.Document)
	if rules != nil {
		rules.Version = r.Version
		return rules, nil
	}
	b.refused.Add(1)
	b.logger.ErrorContext(ctx, "routing rules cannot be read and do not hold; those before them go on. Set them anew with: paymux routes set",
		"merchant_id", r.MerchantID, "version", r.Version, "fault", firstFault(issues))
	if held != nil {
		return held, nil
	}
	older, err := b.kept.RulesOf(ctx, r.MerchantID, r.Version, revisionsBack)
	if err != nil {
		return nil, err
	}
	for _, o := range older {
		if rules, _ := ReadRulesDocument(o.Document); rules != nil {
			rules.Version = o.Version
			return rules, nil
		}
	}
	return nil, nil //nolint:nilnil // the merchant has no rules that can be read
}

func firstFault(issues []router.Issue) string {
	for _, i := range issues {
		if i.Severity == router.Fault {
			return fmt.Sprintf("%s %s", i.Field, i.Message)
		}
	}
	return ""
}

// follow refreshes again and again until ctx ends. While the database is gone
// the rules that are known hold.
func (b *ruleBook) follow(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := b.refresh(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			b.logger.WarnContext(ctx, "routing rules cannot be looked at; the known ones hold, trying again", "error", err)
		}
		failing = err != nil
	}
}
