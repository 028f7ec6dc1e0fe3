package wechatpaysim

import (
	"fmt"
	"strings"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// wallet is what a merchant's app or page hands to the payer's wallet.
type wallet struct {
	product                    string // that the parameters belong to
	appid, timestamp, nonce    string
	prepayID, signed, partner  string // signed: the form in which the prepay_id is signed
	signature, signatureMethod string
}

// readWallet reads an app's or a page's parameters; all of them must be there.
func readWallet(a sim.Action) (wallet, error) {
	w := wallet{product: jsapi, signatureMethod: "RSA"}
	fields := map[string]*string{
		"appId": &w.appid, "timeStamp": &w.timestamp, "nonceStr": &w.nonce, "package": &w.signed, "signType": &w.signatureMethod,
		"paySign": &w.signature,
	}
	packageOf := func() bool {
		var ok bool
		w.prepayID, ok = strings.CutPrefix(w.signed, "prepay_id=")
		return ok && w.signatureMethod == "RSA"
	}
	if a.Type == sim.ActionApp {
		w.product = app
		fixed := ""
		fields = map[string]*string{
			"appid": &w.appid, "partnerid": &w.partner, "prepayid": &w.prepayID, "package": &fixed, "noncestr": &w.nonce,
			"timestamp": &w.timestamp, "sign": &w.signature,
		}
		packageOf = func() bool {
			w.signed = w.prepayID
			return fixed == "Sign=WXPay"
		}
	}
	for name, target := range fields {
		value, ok := a.ParamsField(name)
		if !ok || value == "" {
			return w, fmt.Errorf("%w: params.%s must be a text", sim.ErrBadAction, name)
		}
		*target = value
	}
	if !packageOf() {
		return w, fmt.Errorf("%w: params.package or params.signType is not what the wallet takes", sim.ErrBadAction)
	}
	if !parts.Digits(w.timestamp, 10, 10) || len(w.nonce) > longestNonce {
		return w, fmt.Errorf("%w: the time stamp is not in seconds, or the nonce is longer than %d characters", sim.ErrBadAction, longestNonce)
	}
	return w, nil
}

// checkWallet does what the wallet checks before it shows an order: that the parameters are the order's own, and signed
// by its merchant.
func (s *Simulator) checkWallet(w wallet, t *books.Trade) error {
	a, err := s.accounts.Get(t.Account)
	if err != nil {
		return err
	}
	merchant := a.mchid
	if sub := t.Attr(attrSub); sub != "" {
		merchant = sub
	}
	signed := []byte(w.appid + "\n" + w.timestamp + "\n" + w.nonce + "\n" + w.signed + "\n")
	switch {
	case t.Product != w.product:
		return fmt.Errorf("%w: the prepay_id belongs to an order by %s", sim.ErrBadAction, t.Product)
	case w.appid != a.AppID && w.appid != t.Attr(attrSubApp):
		return fmt.Errorf("%w: the app is not the one that the order was placed with", sim.ErrBadAction)
	case w.product == app && w.partner != merchant && w.partner != a.mchid:
		return fmt.Errorf("%w: params.partnerid is not the order's merchant", sim.ErrBadAction)
	case !keys.Verify(a.merchant, signed, w.signature):
		return fmt.Errorf("%w: the parameters' signature does not hold over %q", sim.ErrBadAction, signed)
	}
	return nil
}
