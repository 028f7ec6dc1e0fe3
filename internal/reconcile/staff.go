package reconcile

import (
	"context"
	"errors"
)

// Actor is who acts: a console user, or "cli:" and a user of the operating
// system.
type Actor struct {
	Name string
	// MerchantID bounds what the actor may touch; empty: the operator, all.
	MerchantID string
}

// The refusals of what a person asks for, besides payment.ErrNotFound and
// payment.ErrStale (somebody changed it meanwhile; read it again).
var (
	// ErrSecondPerson: a person cannot approve what they proposed themselves.
	ErrSecondPerson = errors.New("another person than the one who proposed it must approve or reject it")
	// ErrNotOpen: only an open discrepancy can be resolved, and only a proposed
	// resolution approved or rejected.
	ErrNotOpen = errors.New("the discrepancy is not in a state that allows this")
	// ErrNoText: a reason or comment of 1 to 2000 characters is needed.
	ErrNoText = errors.New("a text of 1 to 2000 characters is needed")
)

// Assign says who looks into a discrepancy; empty: nobody.
func (s *Service) Assign(ctx context.Context, id string, version int64, actor Actor, assignee string) (Discrepancy, error) {
	return Discrepancy{}, errUnbuilt
}

// Comment adds a person's text.
func (s *Service) Comment(ctx context.Context, id string, actor Actor, text string) (Comment, error) {
	return Comment{}, errUnbuilt
}

// Resolve explains an open discrepancy. Above the limit for a single pair of
// eyes it stays open, proposed, until another person approves it.
func (s *Service) Resolve(ctx context.Context, id string, version int64, actor Actor, reason string) (Discrepancy, error) {
	return Discrepancy{}, errUnbuilt
}

// Approve lets a proposed resolution stand; ErrSecondPerson for its proposer.
func (s *Service) Approve(ctx context.Context, id string, version int64, actor Actor) (Discrepancy, error) {
	return Discrepancy{}, errUnbuilt
}

// Reject takes a proposed resolution away; the reason is kept as a comment.
func (s *Service) Reject(ctx context.Context, id string, version int64, actor Actor, reason string) (Discrepancy, error) {
	return Discrepancy{}, errUnbuilt
}
