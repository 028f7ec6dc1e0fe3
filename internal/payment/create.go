package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/money"
)

// Create makes a payment and places it at a channel, or gives the one that the
// same request made before. Refusals are *Error.
func (s *Service) Create(ctx context.Context, m Merchant, req CreateRequest) (Result, error) {
	now := s.now()
	faults := s.ValidateCreate(req, now)
	if slices.ContainsFunc(faults, func(f FieldError) bool { return f.Field == "merchant_order_no" }) {
		return Result{}, invalid(faults)
	}
	req = req.withDefaults(m)
	hash := req.hash()
	existing, err := s.Store.PaymentByOrderNo(ctx, m.ID, req.MerchantOrderNo)
	switch {
	case err == nil && existing.Status != Unsent:
		// The limit of an order that exists may have come too near meanwhile.
		if existing.RequestHash != hash && slices.ContainsFunc(faults, func(f FieldError) bool { return f.Field != "expires_at" }) {
			return Result{}, invalid(faults)
		}
		return s.replay(ctx, existing, hash)
	case err != nil && !errors.Is(err, ErrNotFound):
		return Result{}, readError(err, "payment")
	case len(faults) > 0:
		return Result{}, invalid(faults)
	}
	pinned, err := pinnedChannel(req)
	if err != nil {
		return Result{}, err
	}
	req = req.ofScene()
	p := s.newPayment(m, req, pinned, hash, now)
	decision, err := s.route(ctx, p, nil)
	if err != nil {
		return Result{}, err
	}
	a := s.newAttempt(p, decision, now)
	if existing != nil {
		failpoint.Before(failpoint.PaymentRevive)
		err = s.revive(ctx, existing.ID, p, a)
		failpoint.After(failpoint.PaymentRevive)
	} else {
		failpoint.Before(failpoint.PaymentInsert)
		err = s.insert(ctx, p, a)
		failpoint.After(failpoint.PaymentInsert)
	}
	if errors.Is(err, ErrDuplicate) || errors.Is(err, ErrStale) {
		existing, err = s.Store.PaymentByOrderNo(ctx, m.ID, req.MerchantOrderNo)
		if err != nil {
			return Result{}, readError(err, "payment")
		}
		return s.replay(ctx, existing, hash)
	}
	if err != nil {
		return Result{}, readError(err, "payment")
	}
	return s.place(ctx, p, a, req.AuthCode)
}

// Explain says where a payment would go; it changes nothing.
func (s *Service) Explain(ctx context.Context, m Merchant, req CreateRequest) (channels.Decision, error) {
	now := s.now()
	if faults := s.ValidateCreate(req, now); len(faults) > 0 {
		return channels.Decision{}, invalid(faults)
	}
	req = req.withDefaults(m)
	pinned, err := pinnedChannel(req)
	if err != nil {
		return channels.Decision{}, err
	}
	p := s.newPayment(m, req.ofScene(), pinned, "", now)
	return s.Router.Decide(ctx, routeRequest(p, nil, now))
}

func invalid(faults []FieldError) *Error {
	return &Error{Code: CodeInvalidRequest, Message: "the request has wrong fields", Fields: faults}
}

// pinnedChannel is the channel that the request or the payer's code names.
func pinnedChannel(req CreateRequest) (string, error) {
	if channels.Scene(req.Scene) != channels.SceneBarcode {
		return req.Channel, nil
	}
	wallet := walletOf(req.AuthCode)
	if req.Channel != "" && req.Channel != wallet {
		return "", refuse(CodePayerMismatch, "the payer's code is one of %s, the request asks for %s", wallet, req.Channel)
	}
	return wallet, nil
}

func (s *Service) newPayment(m Merchant, req CreateRequest, pinned, hash string, now time.Time) *Payment {
	expires := now.Add(s.cfg.DefaultExpiry)
	if channels.Scene(req.Scene) == channels.SceneBarcode {
		expires = now.Add(s.cfg.BarcodeExpiry)
	}
	if req.ExpiresAt != nil {
		expires = *req.ExpiresAt
	}
	// An unknown currency stays as it is: the router refuses it.
	amount, err := money.New(req.Amount, money.Currency(req.Currency))
	if err != nil {
		amount = money.Amount{}
	}
	return &Payment{
		ID: "pay_" + s.NewID(), MerchantID: m.ID, MerchantOrderNo: req.MerchantOrderNo,
		Amount: amount, Subject: req.Subject, Scene: channels.Scene(req.Scene), PinnedChannel: pinned,
		PayerID: req.PayerID, ClientIP: req.ClientIP, ReturnURL: req.ReturnURL, NotifyURL: req.NotifyURL,
		CustomerID: req.CustomerID, Region: req.Region, Metadata: req.Metadata,
		LatePolicy: m.LatePolicy, RequestHash: hash, Status: Processing,
		// Channels know limits to the second.
		CreatedAt: now, ExpiresAt: expires.UTC().Truncate(time.Second),
	}
}

// newAttempt makes the attempt at the decision's chosen account and makes it
// the payment's current one.
func (s *Service) newAttempt(p *Payment, d channels.Decision, now time.Time) *Attempt {
	chosen, _ := d.Chosen()
	a := &Attempt{
		ID: s.NewID(), PaymentID: p.ID, MerchantID: p.MerchantID,
		Channel: chosen.Channel, AccountID: chosen.AccountID, Scene: p.Scene, Amount: p.Amount,
		Status: AttemptDispatched, Decision: d, ExpiresAt: p.ExpiresAt, CreatedAt: now, UpdatedAt: now,
		SubmittedAt: now.Truncate(time.Second),
	}
	s.own(a, now)
	p.CurrentAttemptID, p.Channel, p.AccountID = a.ID, a.Channel, a.AccountID
	p.ChannelTradeNo, p.Action, p.ActionExpiresAt = "", nil, time.Time{}
	return a
}

// own gives this process the attempt until the call's deadline; after that and
// a margin any worker asks.
func (s *Service) own(a *Attempt, now time.Time) {
	a.Owner, a.Deadline = s.Owner, now.Add(s.cfg.CallTimeout)
	a.NextCheckAt = a.Deadline.Add(s.cfg.CallMargin)
}

func (s *Service) insert(ctx context.Context, p *Payment, a *Attempt) error {
	return s.Store.InTx(ctx, func(tx Tx) error {
		if err := tx.InsertPayment(ctx, p); err != nil {
			return fmt.Errorf("write payment: %w", err)
		}
		c := &change{s: s, tx: tx, p: p, at: p.CreatedAt, cause: "api"}
		return c.insertAttempt(ctx, a)
	})
}

func (c *change) insertAttempt(ctx context.Context, a *Attempt) error {
	if err := c.tx.InsertAttempt(ctx, a); err != nil {
		return fmt.Errorf("write attempt: %w", err)
	}
	chosen, _ := a.Decision.Chosen()
	return c.record(ctx, Change{AttemptID: a.ID, Kind: "attempt", To: string(a.Status), Detail: chosen.Reason})
}

// revive tries an order anew of which nothing was ever sent: the row takes the
// new request's parameters. ErrStale when somebody else did it first.
func (s *Service) revive(ctx context.Context, id string, p *Payment, a *Attempt) error {
	fresh := *p
	return s.alter(ctx, id, "api", func(c *change) error {
		if c.p.Status != Unsent {
			return ErrStale
		}
		row := *c.p
		*c.p = fresh
		c.p.ID, c.p.Version, c.p.Sequence, c.p.ReservedMinor, c.p.Status = row.ID, row.Version, row.Sequence, row.ReservedMinor, row.Status
		a.PaymentID = row.ID
		if err := c.movePayment(ctx, Processing, "tried anew"); err != nil {
			return err
		}
		if err := c.insertAttempt(ctx, a); err != nil {
			return err
		}
		*p = *c.p
		return nil
	})
}

// replay answers a repeated request with the payment as it stands. Where the
// payer's code died before the order did, it is made anew under the same attempt.
func (s *Service) replay(ctx context.Context, p *Payment, hash string) (Result, error) {
	if p.RequestHash != hash {
		return Result{}, refuse(CodeOrderConflict,
			"merchant_order_no %s was used before with other parameters; use a new number for a new order", p.MerchantOrderNo)
	}
	if p.Status == Unsent {
		return Result{}, noChannel()
	}
	now := s.now()
	if p.Status == Pending && !p.ActionExpiresAt.IsZero() && !now.Before(p.ActionExpiresAt) && now.Before(p.ExpiresAt) {
		if err := s.renew(ctx, p); err != nil {
			s.Logger.WarnContext(ctx, "the payer's code could not be renewed", "payment_id", p.ID, "error", err)
		}
	}
	return s.reload(ctx, p.MerchantID, p.ID, true)
}

func (s *Service) reload(ctx context.Context, merchantID, id string, replayed bool) (Result, error) {
	p, err := s.Store.PaymentByID(ctx, merchantID, id)
	if err != nil {
		return Result{}, readError(err, "payment")
	}
	if p.Status == Unsent {
		return Result{}, noChannel()
	}
	r, err := s.loadOne(ctx, p)
	r.Replayed = replayed
	return r, err
}

func noChannel() *Error {
	return refuse(CodeNoChannel, "no account can take this payment now; nothing was sent and the same order number may be tried again")
}
