package alipaysim

import (
	"slices"

	"github.com/paymux/paymux/internal/sandbox/faults"
)

// The methods of the gateway that are simulated.
const (
	methodPrecreate    = "alipay.trade.precreate"
	methodPay          = "alipay.trade.pay"
	methodCreate       = "alipay.trade.create"
	methodPagePay      = "alipay.trade.page.pay"
	methodWapPay       = "alipay.trade.wap.pay"
	methodAppPay       = "alipay.trade.app.pay"
	methodQuery        = "alipay.trade.query"
	methodClose        = "alipay.trade.close"
	methodCancel       = "alipay.trade.cancel"
	methodRefund       = "alipay.trade.refund"
	methodRefundQuery  = "alipay.trade.fastpay.refund.query"
	methodBill         = "alipay.data.dataservice.bill.downloadurl.query"
	methodCertDownload = "alipay.open.app.alipaycert.download"
)

// where says who brings a method to the gateway.
type where int

const (
	byServer  where = iota // the merchant's server
	byBrowser              // the payer's browser; answers are pages
	byWallet               // the payer's phone; never sent to the gateway
)

// method is one method of the gateway.
type method struct {
	op     faults.Operation
	by     where
	handle func(*Simulator, *call) (node, error) // for byServer
	pays   bool                                  // it places an order: magic amounts apply
	// special are the kinds of fault that only some answers can show.
	special []faults.Kind
	// productCodes are those that the method takes; the empty one stands for an absent product_code.
	productCodes []string
}

// shows reports whether a call of the method can show a kind of fault.
func (m method) shows(kind faults.Kind) bool {
	if m.by != byServer {
		return false // faults strike the merchant's calls, never the payer's pages
	}
	switch kind {
	case faults.Decline, faults.Stale, faults.WrongAmount, faults.WrongID:
		return slices.Contains(m.special, kind)
	case faults.RefuseConnection:
		return false // the listener's matter
	case faults.RateLimited, faults.HangBefore, faults.HangAfter, faults.ResetAfter, faults.HTTP500, faults.HTML502,
		faults.SystemError, faults.BadSignature, faults.Unsigned, faults.Slow, faults.EscapedSlashes:
		return true
	default:
		return false
	}
}

func methods() map[string]method {
	order := []faults.Kind{faults.Stale, faults.WrongID}
	money := append([]faults.Kind{faults.WrongAmount}, order...)
	declinable := func(kinds []faults.Kind) []faults.Kind { return append([]faults.Kind{faults.Decline}, kinds...) }
	return map[string]method{
		methodPrecreate: {
			op: faults.Pay, handle: (*Simulator).precreate, pays: true, special: declinable(order),
			productCodes: []string{"", "FACE_TO_FACE_PAYMENT", "QR_CODE_OFFLINE"},
		},
		methodPay: {
			op: faults.Pay, handle: (*Simulator).pay, pays: true, special: declinable(money),
			productCodes: []string{"", "FACE_TO_FACE_PAYMENT"},
		},
		methodCreate: {
			op: faults.Pay, handle: (*Simulator).create, pays: true, special: declinable(order),
			productCodes: []string{"", "JSAPI_PAY", "FACE_TO_FACE_PAYMENT"},
		},
		methodPagePay:      {op: faults.Pay, by: byBrowser, productCodes: []string{"FAST_INSTANT_TRADE_PAY"}},
		methodWapPay:       {op: faults.Pay, by: byBrowser, productCodes: []string{"QUICK_WAP_WAY", "QUICK_WAP_PAY"}},
		methodAppPay:       {op: faults.Pay, by: byWallet, productCodes: []string{"", "QUICK_MSECURITY_PAY"}},
		methodQuery:        {op: faults.Query, handle: (*Simulator).query, special: money},
		methodClose:        {op: faults.Close, handle: (*Simulator).closeTrade, special: order},
		methodCancel:       {op: faults.Cancel, handle: (*Simulator).cancel, special: order},
		methodRefund:       {op: faults.Refund, handle: (*Simulator).refund, special: declinable(money)},
		methodRefundQuery:  {op: faults.RefundQuery, handle: (*Simulator).refundQuery, special: money},
		methodBill:         {op: faults.Bill, handle: (*Simulator).billAddress},
		methodCertDownload: {handle: (*Simulator).certDownload},
	}
}
