package router

import (
	"time"

	"github.com/paymux/paymux/channels"
)

// Revision is one version of a merchant's rules as it is kept. Versions count
// from 1; the highest one holds.
type Revision struct {
	MerchantID string
	Version    int64
	// Generation counts the changes of all merchants' rules together: whoever
	// has seen one has seen all before it.
	Generation int64
	// Document is the text as it was written, comments included.
	Document string
	// Actor is who set it, Note is why.
	Actor, Note string
	CreatedAt   time.Time
}

// PastOrder is a payment of the past as far as routing looks at it.
type PastOrder struct {
	Request channels.RouteRequest
	// AccountID and Channel are where it went.
	AccountID, Channel string
	// PaidMinor is what was paid, in minor units; 0: it was not.
	PaidMinor int64
}
