package channeltest

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/paymux/paymux/channels"
)

// recorder passes calls on, keeps every error for the search for secrets, and
// holds every call to the form of the contract.
type recorder struct {
	channels.Channel
	t  *testing.T
	mu sync.Mutex
	// errors are the texts of all errors.
	texts []string
}

// call notes an error and checks its form.
func (r *recorder) call(op channels.Operation, err error) error {
	if err == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, err.Error())
	var e *channels.Error
	if !errors.As(err, &e) {
		r.t.Errorf("%s: error is %T, not *channels.Error: %v", op, err, err)
		return err
	}
	r.texts = append(r.texts, e.Code, e.Message)
	if e.Channel != r.Name() || e.Op != op {
		r.t.Errorf("error of %s names channel %q and operation %q", op, e.Channel, e.Op)
	}
	return err
}

func (r *recorder) Pay(ctx context.Context, req channels.PayRequest) (channels.PayResult, error) {
	res, err := r.Channel.Pay(ctx, req)
	return res, r.call(channels.OpPay, err)
}

func (r *recorder) QueryPayment(ctx context.Context, ref channels.AttemptRef) (channels.PaymentState, error) {
	state, err := r.Channel.QueryPayment(ctx, ref)
	return state, r.call(channels.OpQuery, err)
}

func (r *recorder) ClosePayment(ctx context.Context, ref channels.AttemptRef) (channels.CloseResult, error) {
	res, err := r.Channel.ClosePayment(ctx, ref)
	return res, r.call(channels.OpClose, err)
}

func (r *recorder) ReversePayment(ctx context.Context, ref channels.AttemptRef) (channels.ReverseResult, error) {
	res, err := r.Channel.(channels.Reverser).ReversePayment(ctx, ref)
	return res, r.call(channels.OpReverse, err)
}

func (r *recorder) Refund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	state, err := r.Channel.Refund(ctx, req)
	return state, r.call(channels.OpRefund, err)
}

func (r *recorder) QueryRefund(ctx context.Context, req channels.RefundRequest) (channels.RefundState, error) {
	state, err := r.Channel.QueryRefund(ctx, req)
	return state, r.call(channels.OpRefundQuery, err)
}

func (r *recorder) ParseNotification(header http.Header, body []byte) (channels.Notification, error) {
	n, err := r.Channel.ParseNotification(header, body)
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.texts = append(r.texts, err.Error())
		var e *channels.Error
		var mismatch *channels.MismatchError
		if !errors.As(err, &mismatch) && (!errors.As(err, &e) || e.Outcome != channels.BadSignature) {
			r.t.Errorf("a notification failed as %T (%v), neither BadSignature nor *MismatchError", err, err)
		}
	}
	return n, err
}
