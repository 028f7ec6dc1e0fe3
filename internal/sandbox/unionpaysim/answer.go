package unionpaysim

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/paymux/paymux/internal/sandbox/keys"
)

// seal says how an answer is signed.
type seal struct {
	unsigned     bool
	badSignature bool
}

// head repeats what names the transaction that an answer is about.
func head(in fields) fields {
	out := make(fields)
	for _, name := range []string{"accessType", "bizType", "encoding", "merId", "orderId", "txnTime", "txnType", "txnSubType"} {
		if in[name] != "" {
			out[name] = in[name]
		}
	}
	return out
}

// accepted is the answer to a transaction that is taken in.
func (c *call) accepted(code string, more fields) fields {
	return head(c.in).with(fields{"reqReserved": c.in["reqReserved"], "respCode": code, "respMsg": messages()[code]}).with(more)
}

// refused is the answer to a request that is refused: it repeats the request.
func refused(in fields, no *refusal) fields {
	out := head(in)
	if !no.thin {
		out = in.with(nil)
		delete(out, "certId")
		delete(out, fieldSignature)
		delete(out, fieldCertificate)
	}
	out["respCode"], out["respMsg"] = no.code, no.message
	return out
}

// answer signs and sends an answer. What cannot be signed is not sent.
func (s *Simulator) answer(w http.ResponseWriter, out fields, how seal) {
	signed, err := s.signer.sign(out.with(fields{"version": version, "signMethod": "01"}))
	if err != nil {
		s.env.Fail(Channel, fmt.Errorf("write an answer: %w", err))
	}
	if how.badSignature {
		signed[fieldSignature] = keys.Spoil(signed[fieldSignature])
	}
	if how.unsigned {
		delete(signed, fieldSignature)
	}
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	_, _ = w.Write([]byte(signed.raw())) //nolint:gosec // a protocol answer for programs, under the type that UnionPay gives it
}

// badRequest is how the gateway turns away what is no message at all.
func badRequest(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte("<html><head><title>400</title></head><body>Invalid request.</body></html>\r\n"))
}

// refundNumbers remembers which numbers refunds were asked for under, so that a query about one that never arrived
// counts as a query about a refund.
type refundNumbers struct {
	mu     sync.Mutex
	number map[string]bool
}

const refundNumbersKept = 10_000

func newRefundNumbers() *refundNumbers { return &refundNumbers{number: make(map[string]bool)} }

func (r *refundNumbers) add(orderID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.number) >= refundNumbersKept {
		clear(r.number)
	}
	r.number[orderID] = true
}

func (r *refundNumbers) has(orderID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.number[orderID]
}
