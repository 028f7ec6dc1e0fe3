package unionpay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
)

// TestCodesAreTotal: every two characters have a meaning for every operation,
// and no success is one that refuses.
func TestCodesAreTotal(t *testing.T) {
	ops := []channels.Operation{channels.OpPay, channels.OpQuery, channels.OpRefund, channels.OpRefundQuery, channels.OpBill}
	for i := range 100 {
		code := fmt.Sprintf("%02d", i)
		for _, op := range ops {
			outcome := outcomeOf(op, code)
			if outcome == channels.BadSignature {
				t.Errorf("%s %s: %v", op, code, outcome)
			}
			asks := op == channels.OpQuery || op == channels.OpRefundQuery || op == channels.OpBill
			if asks && outcome == channels.Declined {
				t.Errorf("%s %s: a refused question declines nothing", op, code)
			}
		}
	}
	// What can mean that money moved, or that nobody knows yet, is never final.
	for _, code := range []string{"00", "A6", "02", "03", "04", "05", "06", "12", "42", "70", "74", "75", "83", "99", "", "000", "a6"} {
		for _, op := range ops {
			if outcome := outcomeOf(op, code); outcome != channels.Unknown {
				t.Errorf("%s %q: %v", op, code, outcome)
			}
			if isFailure(op, code) {
				t.Errorf("%s %q is final", op, code)
			}
		}
	}
	if isFailure(channels.OpPay, "37") || isFailure(channels.OpPay, "34") {
		t.Error("37 and 34 do not end a transaction")
	}
}

// TestCodesOnce: no code is in two rules that hold for one operation, so that
// their order means nothing.
func TestCodesOnce(t *testing.T) {
	for _, op := range []channels.Operation{channels.OpPay, channels.OpRefund, channels.OpQuery} {
		seen := map[string]bool{}
		for _, r := range codeTable() {
			if outcomeHolds := len(r.ops) == 0 || contains(r.ops, op); !outcomeHolds {
				continue
			}
			for _, code := range r.codes {
				if seen[code] {
					t.Errorf("%s: %s is there twice", op, code)
				}
				seen[code] = true
			}
		}
	}
}

func contains(ops []channels.Operation, op channels.Operation) bool {
	for _, o := range ops {
		if o == op {
			return true
		}
	}
	return false
}

func TestCapabilities(t *testing.T) {
	caps := newClient(t, testConfig("https://a.example.com")).Capabilities()
	if len(caps.Scenes) != 5 || caps.CanClose || caps.RefundRepeatable || caps.MinAmount != 1 || len(fmt.Sprint(caps.MaxAmount)) != 12 {
		t.Errorf("%+v", caps)
	}
	for scene, can := range caps.Scenes {
		p, ok := productOf(scene)
		if !ok || can.PayRepeatable || can.ActionTTL != 0 || can.LocalOnly != (p.path == pathFront) || can.NoOrderUntilPayer != p.front {
			t.Errorf("%s: %+v, %+v", scene, can, p)
		}
	}
}

func TestDescription(t *testing.T) {
	for subject, want := range map[string]string{
		"茶 & {a=b} [\"'<>]": "茶 ＆ ｛a＝b｝ ［＂＇＜＞］", " \x00\n": "", "": "",
		strings.Repeat("长", 40): strings.Repeat("长", 32),
	} {
		if got := description(subject); got != want {
			t.Errorf("%q: %q, want %q", subject, got, want)
		}
	}
}
