package reconcile

import "errors"

// ErrBusy says that another process reconciles the same account and day now.
var ErrBusy = errors.New("this account's day is being reconciled by another process; try again when it is done")

// Service is the use cases of reconciliation. It is safe for concurrent use.
type Service struct{}
