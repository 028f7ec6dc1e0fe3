package unionpaysim

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/faults"
	"github.com/paymux/paymux/internal/sandbox/parts"
)

// call is one request whose sender is known.
type call struct {
	*transaction
	merchant *account
	in       fields
	now      time.Time
	op       faults.Operation // a query is about a payment or about a refund
	seal     seal
}

func (c *call) key() books.Key {
	return books.Key{Channel: Channel, Account: c.merchant.merID, OutTradeNo: c.in["orderId"]}
}

// admit does what the gateway checks before a transaction's own business: who calls, the signature over the values as
// they came, which transaction it is, and the form of its fields.
func (s *Simulator) admit(path string, in fields) (*call, error) {
	for _, required := range []string{"version", "encoding", "signMethod", "txnType", "txnSubType", "bizType", "accessType", "merId", "certId", fieldSignature} {
		if in[required] == "" {
			return nil, refuseField(codeMissing, required)
		}
	}
	for _, rule := range []struct {
		holds bool
		name  string
	}{
		{in["version"] == version, "version"},
		{strings.EqualFold(in["encoding"], "UTF-8"), "encoding"},
		{in["signMethod"] == "01", "signMethod"},
	} {
		if !rule.holds {
			return nil, refuseField(codeFormat, rule.name)
		}
	}
	a, ok := s.accounts.Find(in["merId"])
	if !ok {
		return nil, refuse(codeMerchant)
	}
	if in["certId"] != a.certID || !verify(a.cert, in) {
		return nil, refuse(codeSignature)
	}
	t, ok := s.transaction(path, in)
	if !ok || in["accessType"] != "0" {
		return nil, refuse(codePermission)
	}
	c := &call{transaction: t, merchant: a, in: in, now: s.env.Now().UTC(), op: t.op}
	return c, c.checkFields()
}

func (c *call) checkFields() error {
	for _, name := range c.required {
		if c.in[name] == "" {
			return refuseField(codeMissing, name)
		}
	}
	if !slices.Contains(c.bizTypes, c.in["bizType"]) {
		return refuseField(codeFormat, "bizType")
	}
	rules := fieldRules()
	for name, value := range c.in {
		if rule, has := rules[name]; has && value != "" && !rule(value) {
			return refuseField(codeFormat, name)
		}
	}
	return nil
}

// fieldRules say what form a field has wherever it comes.
func fieldRules() map[string]func(string) bool {
	moment := func(s string) bool { _, ok := parseTime(s); return ok }
	amount := func(s string) bool { fen, ok := parseAmount(s); return ok && fen >= parts.MinAmount }
	upTo := func(longest int) func(string) bool {
		return func(s string) bool { return utf8.RuneCountInString(s) <= longest }
	}
	return map[string]func(string) bool{
		"orderId": validOrderID, "origOrderId": validOrderID,
		"txnTime": moment, "origTxnTime": moment, "payTimeout": moment,
		"txnAmt": amount, "currencyCode": func(s string) bool { return s == currencyCNY },
		"channelType": func(s string) bool { return slices.Contains([]string{"05", "07", "08", "16"}, s) },
		"frontUrl":    validAddress, "backUrl": validAddress,
		"qrNo": func(s string) bool { return parts.Digits(s, 1, 20) }, "termId": func(s string) bool { return parts.Alphanumerics(s, 1, 8, "") },
		"origQryId": func(s string) bool { return parts.Digits(s, 21, 21) },
		"orderDesc": upTo(32), "reqReserved": upTo(1024), "riskRateInfo": upTo(2048), "reserved": upTo(2048),
		"settleDate": func(s string) bool { _, err := time.Parse(dayLayout, s); return err == nil && len(s) == len(dayLayout) },
		"fileType":   func(s string) bool { return s == "00" },
	}
}

// timely reports whether a transaction's time is now, give or take; older says how much older it may be.
func (c *call) timely(older time.Duration) bool {
	at, ok := parseTime(c.in["txnTime"])
	return ok && !at.After(c.now.Add(clockSkew)) && !at.Before(c.now.Add(-older))
}

const clockSkew = 10 * time.Minute
