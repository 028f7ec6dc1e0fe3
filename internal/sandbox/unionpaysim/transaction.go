package unionpaysim

import (
	"slices"

	"github.com/paymux/paymux/internal/sandbox/faults"
)

// Paths of the gateway.
const (
	pathFront = "/gateway/api/frontTransReq.do"
	pathBack  = "/gateway/api/backTransReq.do"
	pathApp   = "/gateway/api/appTransReq.do"
	pathQuery = "/gateway/api/queryTrans.do"
	pathFile  = "/" // of the file host, which is this one
)

// The transactions' names, which the books keep as a trade's product.
const (
	nameFront  = "front"  // the cashier for gateway and WAP payments
	nameApp    = "app"    // an application for a tn
	nameCode   = "code"   // an application for a code that the payer scans
	nameScan   = "scan"   // the merchant scanned the payer's code
	nameRefund = "refund" // some or all of the money goes back
	nameUndo   = "undo"   // all of it goes back on the same settlement day
	nameQuery  = "query"
	nameFile   = "file"
)

// transaction is one kind of request.
type transaction struct {
	name             string
	paths            []string
	txnType, subType string
	bizTypes         []string
	op               faults.Operation
	required         []string // beside the common head
	handle           func(*Simulator, *call) (fields, error)
	orders           bool // it places an order: amounts with a fixed outcome apply
	// special are the kinds of fault that only some answers can show.
	special []faults.Kind
}

// shows reports whether a call can show a kind of fault.
func (t *transaction) shows(kind faults.Kind) bool {
	if t.handle == nil {
		return false // faults strike the merchant's calls, never the payer's pages
	}
	switch kind {
	case faults.Decline, faults.Stale, faults.WrongAmount, faults.WrongID:
		return slices.Contains(t.special, kind)
	case faults.RefuseConnection, faults.EscapedSlashes:
		return false // the listener's matter; an answer that is not JSON
	case faults.RateLimited, faults.HangBefore, faults.HangAfter, faults.ResetAfter, faults.HTTP500, faults.HTML502,
		faults.SystemError, faults.BadSignature, faults.Unsigned, faults.Slow:
		return true
	default:
		return false
	}
}

func transactions() []*transaction {
	order := []string{"channelType", "orderId", "txnTime", "txnAmt", "currencyCode", "backUrl"}
	back := []string{"channelType", "orderId", "txnTime", "txnAmt", "backUrl"}
	gateway, code, both := []string{"000201"}, []string{"000000"}, []string{"000201", "000000"}
	plain := []faults.Kind{faults.Stale, faults.WrongID}
	declined := append([]faults.Kind{faults.Decline}, plain...)
	money := append([]faults.Kind{faults.WrongAmount}, plain...)
	all := append([]faults.Kind{faults.Decline}, money...)
	return []*transaction{
		{name: nameFront, paths: []string{pathFront}, txnType: "01", subType: "01", bizTypes: gateway, op: faults.Pay, required: order, orders: true},
		{
			name: nameApp, paths: []string{pathApp}, txnType: "01", subType: "01", bizTypes: gateway, op: faults.Pay, required: order,
			handle: (*Simulator).apply, orders: true, special: declined,
		},
		{
			name: nameCode, paths: []string{pathBack}, txnType: "01", subType: "07", bizTypes: code, op: faults.Pay, required: order,
			handle: (*Simulator).apply, orders: true, special: declined,
		},
		{
			name: nameScan, paths: []string{pathBack}, txnType: "01", subType: "06", bizTypes: code, op: faults.Pay,
			required: append([]string{"qrNo"}, order...), handle: (*Simulator).scanned, orders: true, special: all,
		},
		{
			name: nameRefund, paths: []string{pathBack}, txnType: "04", subType: "00", bizTypes: both, op: faults.Refund, required: back,
			handle: (*Simulator).giveBack, special: all,
		},
		{
			name: nameUndo, paths: []string{pathBack}, txnType: "31", subType: "00", bizTypes: both, op: faults.Cancel, required: back,
			handle: (*Simulator).giveBack, special: all,
		},
		{
			name: nameQuery, paths: []string{pathQuery, pathBack}, txnType: "00", subType: "00", bizTypes: both, op: faults.Query,
			required: []string{"orderId", "txnTime"}, handle: (*Simulator).query, special: money,
		},
		{
			name: nameFile, paths: []string{pathFile}, txnType: "76", subType: "01", bizTypes: code, op: faults.Bill,
			required: []string{"txnTime", "settleDate", "fileType"}, handle: (*Simulator).file,
		},
	}
}

func (s *Simulator) transaction(path string, f fields) (*transaction, bool) {
	for _, t := range s.transactions {
		if slices.Contains(t.paths, path) && t.txnType == f["txnType"] && t.subType == f["txnSubType"] {
			return t, true
		}
	}
	return nil, false
}
