package app

import (
	"context"
	"time"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/notify"
)

// Operator is the core for an operator's command. It works on the same database
// as the gateways that run, which carry on what it leaves due; it places no
// orders. publicURL is where channels reach the gateway.
func (in *Installation) Operator(publicURL string) *payment.Service {
	return payment.New(coreConfig(in.Config), payment.Deps{
		Store: in.DB, Accounts: in.Accounts,
		NotifyURL: func(channel, accountID string) string { return publicURL + "/notify/" + channel + "/" + accountID },
		ReturnURL: publicURL + "/return",
		Now:       in.Now, NewID: NewID, Owner: ownerName(), Logger: in.Logger,
	})
}

// Audit is an entry of the audit trail at this moment.
func (in *Installation) Audit(actor, action, merchantID, subject, detail string) audit.Entry {
	return audit.Entry{
		ID: audit.IDPrefix + NewID(), At: in.Now().UTC().Truncate(time.Millisecond), Actor: actor, Action: action,
		MerchantID: merchantID, Subject: subject, Detail: detail,
	}
}

// Desk serves questions about events; what it sends again leaves the entry in
// the audit trail.
func (in *Installation) Desk(entry audit.Entry) *notify.Desk {
	return &notify.Desk{
		Events: auditedEvents{Events: in.DB, in: in, entry: entry}, Now: in.Now, Wake: func() {},
		DefaultURL: func(ctx context.Context, merchantID string) (string, error) {
			profile, err := in.Merchants.Profile(ctx, merchantID)
			return profile.NotifyURL, err
		},
	}
}

// auditedEvents keeps who sent an event again.
type auditedEvents struct {
	notify.Events
	in    *Installation
	entry audit.Entry
}

func (e auditedEvents) ResendEvent(ctx context.Context, merchantID, id, defaultURL string, now time.Time) error {
	return e.in.DB.ResendEventBy(ctx, merchantID, id, defaultURL, now, e.entry)
}
