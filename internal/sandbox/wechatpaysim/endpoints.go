package wechatpaysim

import (
	"net/http"
	"slices"

	"github.com/paymux/paymux/internal/sandbox/faults"
)

// The ways to order; the books keep them as a trade's product.
const (
	native  = "native"
	jsapi   = "jsapi"
	app     = "app"
	h5      = "h5"
	codePay = "codepay"
)

// endpoint is one call of the API.
type endpoint struct {
	method, path string
	op           faults.Operation // empty: no fault is set for it
	handle       func(*Simulator, *call) (reply, error)
	product      string // of calls that order
	partner      bool
	body         fields   // nil: the call has no body
	query        []string // the parameters it demands
	optional     []string // further parameters it takes
	// special are the kinds of fault that only some answers can show.
	special []faults.Kind
	file    bool // the answer is a file, which the channel doesn't sign
}

// shows reports whether an answer of the endpoint can show a kind of fault.
func (e *endpoint) shows(kind faults.Kind) bool {
	switch kind {
	case faults.Decline, faults.WrongAmount, faults.WrongID, faults.RefundAbnormal:
		return slices.Contains(e.special, kind)
	case faults.BadSignature, faults.Unsigned, faults.Stale:
		return !e.file
	case faults.RateLimited, faults.HangBefore, faults.HangAfter, faults.ResetAfter, faults.HTTP500, faults.HTML502,
		faults.SystemError, faults.Slow:
		return true
	case faults.RefuseConnection, faults.EscapedSlashes: // the listener's matter; not this channel's
		return false
	default:
		return false
	}
}

// endpoints is the whole API.
func endpoints() []endpoint {
	all := append(merchantEndpoints(false), merchantEndpoints(true)...)
	refund := []faults.Kind{faults.Decline, faults.WrongAmount, faults.WrongID, faults.RefundAbnormal}
	money := []faults.Kind{faults.WrongAmount, faults.WrongID}
	const refunds = "/v3/refund/domestic/refunds"
	return append(
		all,
		endpoint{method: http.MethodPost, path: refunds, op: faults.Refund, handle: (*Simulator).refund, body: refundFields(), special: refund},
		endpoint{
			method: http.MethodGet, path: refunds + "/{out_refund_no}", op: faults.RefundQuery, handle: (*Simulator).refundQuery,
			optional: []string{"sub_mchid"}, special: money,
		},
		endpoint{
			method: http.MethodPost, path: refunds + "/{refund_id}/apply-abnormal-refund", op: faults.Refund,
			handle: (*Simulator).abnormalRefund, body: abnormalRefundFields(), special: money,
		},
		endpoint{
			method: http.MethodGet, path: "/v3/bill/tradebill", op: faults.Bill, handle: (*Simulator).tradeBill,
			query: []string{"bill_date"}, optional: []string{"bill_type", "tar_type", "sub_mchid"},
		},
		endpoint{
			method: http.MethodGet, path: "/v3/bill/fundflowbill", op: faults.Bill, handle: (*Simulator).fundFlowBill,
			query: []string{"bill_date"}, optional: []string{"account_type", "tar_type"},
		},
		endpoint{
			method: http.MethodGet, path: billPath, op: faults.Bill, handle: (*Simulator).downloadBill,
			query: []string{"token"}, optional: []string{"tartype"}, file: true,
		},
		endpoint{method: http.MethodGet, path: "/v3/certificates", handle: (*Simulator).certificates, optional: []string{"algorithm_type"}},
	)
}

// merchantEndpoints are the calls that direct and partner merchants have alike.
func merchantEndpoints(partner bool) []endpoint {
	root, who, payer := "/v3/pay/transactions/", directIdentity(), jsapiPayer()
	whose, closes := []string{"mchid"}, fields{"mchid": must(upTo(32))}
	reverses := directIdentity()
	if partner {
		root, who, payer = "/v3/pay/partner/transactions/", partnerIdentity(), jsapiPartnerPayer()
		whose = []string{"sp_mchid", "sub_mchid"}
		closes = fields{"sp_mchid": must(upTo(32)), "sub_mchid": must(field{holds: validSubMerchant})}
		reverses = partnerIdentity()
	}
	order := who.and(orderFields())
	decline := []faults.Kind{faults.Decline}
	money := []faults.Kind{faults.WrongAmount, faults.WrongID}
	number := root + "out-trade-no/{out_trade_no}"
	all := []endpoint{
		{path: root + native, product: native, body: order.and(prepayFields()), handle: (*Simulator).prepay, special: decline},
		{path: root + jsapi, product: jsapi, body: order.and(prepayFields(), payer), handle: (*Simulator).prepay, special: decline},
		{path: root + app, product: app, body: order.and(prepayFields()), handle: (*Simulator).prepay, special: decline},
		{path: root + h5, product: h5, body: order.and(prepayFields(), h5Scene()), handle: (*Simulator).prepay, special: decline},
		{path: root + codePay, product: codePay, body: order.and(codeFields()), handle: (*Simulator).codePay, special: append(money, decline...)},
		{path: number + "/close", op: faults.Close, body: closes, handle: (*Simulator).closeOrder},
		{path: number + "/reverse", op: faults.Cancel, body: reverses, handle: (*Simulator).reverse, special: []faults.Kind{faults.WrongID}},
		{method: http.MethodGet, path: number, op: faults.Query, query: whose, handle: (*Simulator).queryOrder, special: money},
		{method: http.MethodGet, path: root + "id/{transaction_id}", op: faults.Query, query: whose, handle: (*Simulator).queryOrder, special: money},
	}
	for i := range all {
		all[i].partner = partner
		if all[i].method == "" {
			all[i].method = http.MethodPost
		}
		if all[i].product != "" {
			all[i].op = faults.Pay
		}
	}
	return all
}
