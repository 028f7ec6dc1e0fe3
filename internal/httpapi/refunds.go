package httpapi

import (
	"net/http"

	"github.com/paymux/paymux/internal/payment"
)

// refundFields are the fields of a refund to create.
var refundFields = []field[payment.RefundRequest]{
	text("merchant_refund_no", func(r *payment.RefundRequest) *string { return &r.MerchantRefundNo }),
	filled("payment_id", func(r *payment.RefundRequest) *string { return &r.PaymentID }),
	filled("merchant_order_no", func(r *payment.RefundRequest) *string { return &r.MerchantOrderNo }),
	integer("amount", func(r *payment.RefundRequest) *int64 { return &r.Amount }),
	text("reason", func(r *payment.RefundRequest) *string { return &r.Reason }),
	filled("notify_url", func(r *payment.RefundRequest) *string { return &r.NotifyURL }),
}

func (s *Server) createRefund(r *http.Request) (reply, error) {
	var req payment.RefundRequest
	form, err := decode(Body(r.Context()), refundFields, &req, s.cfg.MaxJSONDepth)
	if err != nil {
		return reply{}, err
	}
	if len(form) > 0 { // else the core names what is wrong with the content
		return reply{}, s.refuseFields(together(form, s.deps.Refunds.ValidateRefund(req)))
	}
	merchant, err := s.deps.Merchants.Profile(r.Context(), MerchantID(r.Context()))
	if err != nil {
		return reply{}, err
	}
	res, err := s.deps.Refunds.CreateRefund(r.Context(), merchant, req)
	if err != nil {
		return reply{}, err
	}
	return reply{
		status:   createdStatus(res.Refund.Status == payment.RefundProcessing, res.Replayed),
		body:     payment.NewRefundView(res.Refund),
		replayed: res.Replayed,
	}, nil
}

func (s *Server) getRefund(r *http.Request) (reply, error) {
	id, err := pathID(r)
	if err != nil {
		return reply{}, err
	}
	refund, err := s.deps.Refunds.GetRefund(r.Context(), MerchantID(r.Context()), id)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: payment.NewRefundView(refund)}, nil
}

func (s *Server) listRefunds(r *http.Request) (reply, error) {
	q := newQuery(r.URL.RawQuery)
	limit, before := q.page(s.cfg, listRefunds)
	f := payment.RefundFilter{
		MerchantID:       MerchantID(r.Context()),
		MerchantRefundNo: q.number("merchant_refund_no"),
		PaymentID:        q.number("payment_id"),
		Status: payment.RefundStatus(q.oneOf("status",
			string(payment.RefundPending), string(payment.RefundProcessing), string(payment.RefundSucceeded), string(payment.RefundFailed))),
		BeforeTime: before.at,
		BeforeID:   before.id,
		Limit:      limit + 1, // one more tells whether there is a next page
	}
	if err := s.done(q); err != nil {
		return reply{}, err
	}
	items, err := s.deps.Refunds.ListRefunds(r.Context(), f)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: newPage(listRefunds, items, limit,
		payment.NewRefundView,
		func(refund *payment.Refund) position { return position{refund.CreatedAt, refund.ID} },
	)}, nil
}
