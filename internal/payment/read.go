package payment

import (
	"context"
	"errors"
)

// Get gives a merchant's payment; CodeNotFound.
func (s *Service) Get(ctx context.Context, merchantID, id string) (Result, error) {
	p, err := s.Store.PaymentByID(ctx, merchantID, id)
	if err == nil && p.Status == Unsent {
		err = ErrNotFound
	}
	if err != nil {
		return Result{}, readError(err, "payment")
	}
	return s.loadOne(ctx, p)
}

// List gives a page of a merchant's payments, newest first.
func (s *Service) List(ctx context.Context, f PaymentFilter) ([]Result, error) {
	ps, err := s.Store.ListPayments(ctx, f)
	if err != nil {
		return nil, readError(err, "payments")
	}
	return s.Loaded(ctx, ps)
}

// GetRefund gives a merchant's refund; CodeNotFound.
func (s *Service) GetRefund(ctx context.Context, merchantID, id string) (*Refund, error) {
	r, err := s.Store.RefundByID(ctx, merchantID, id)
	if err != nil {
		return nil, readError(err, "refund")
	}
	return r, nil
}

// ListRefunds gives a page of a merchant's refunds, newest first.
func (s *Service) ListRefunds(ctx context.Context, f RefundFilter) ([]*Refund, error) {
	rs, err := s.Store.ListRefunds(ctx, f)
	if err != nil {
		return nil, readError(err, "refunds")
	}
	return rs, nil
}

func (s *Service) loadOne(ctx context.Context, p *Payment) (Result, error) {
	rs, err := s.Loaded(ctx, []*Payment{p})
	if err != nil {
		return Result{}, readError(err, "attempts")
	}
	return rs[0], nil
}

// readError gives the refusal for a failed read.
func readError(err error, what string) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return refuse(CodeNotFound, "there is no such %s", what)
	case errors.Is(err, ErrNonceReused):
		return &Error{Code: CodeNonceReused, Message: "this nonce was used before; sign the request anew with a fresh one"}
	case errors.Is(err, ErrUnavailable):
		return &Error{Code: CodeTemporarilyUnable, Message: "the database cannot be reached; ask again or send the same request again", Err: err}
	default:
		return err
	}
}
