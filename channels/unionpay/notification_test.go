package unionpay

import (
	"bytes"
	"errors"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

func paidNotice(pairs ...string) map[string]string {
	return with(map[string]string{
		"accNo": "6216***********0018", "accessType": "0", "bizType": "000201", "currencyCode": "156", "encoding": "UTF-8",
		"merId": testMerID, "orderId": testAttempt, "payCardType": "01", "queryId": testQueryID, "respCode": "00",
		"respMsg": "成功[0000000]", "settleAmt": "8880", "settleCurrencyCode": "156", "settleDate": "1122", "signMethod": "01",
		"traceNo": "123456", "traceTime": "1122003112", "txnAmt": "8880", "txnSubType": "01", "txnTime": "20261122003005",
		"txnType": "01", "version": "5.1.0",
	}, pairs...)
}

func refundedNotice(pairs ...string) map[string]string {
	return with(paidNotice("txnType", "04", "txnSubType", "00", "orderId", testRefund, "origQryId", testQueryID,
		"queryId", "312611220031051234578", "txnAmt", "1000", "reqReserved", testAttempt, "txnTime", "20261122003105"), pairs...)
}

func parseSigned(t testing.TB, fields map[string]string) (channels.Notification, error) {
	t.Helper()
	return newClient(t, testConfig("https://gateway.example.com")).ParseNotification(nil, wireForm(signAs(testPKI().unionpay, fields)))
}

func TestPaymentNotice(t *testing.T) {
	for code, want := range map[string]channels.PaymentStatus{
		"00": channels.StatePaid, "A6": channels.StatePaid, "05": channels.StateUncertain, "03": channels.StateUncertain,
		"70": channels.StateUncertain, "": channels.StateUncertain, "XX": channels.StateUncertain,
		"73": channels.StateFailed, "64": channels.StateFailed,
	} {
		n, err := parseSigned(t, paidNotice("respCode", code))
		if err != nil || n.Kind != channels.NotificationPayment || n.AttemptID != testAttempt || n.EventID != testQueryID || n.Payment.Status != want {
			t.Errorf("%s: notification %+v, error %v", code, n, err)
		}
		paid := channels.Paid{ChannelTradeNo: testQueryID, Amount: adaptertest.CNY(8880), PaidAt: time.Date(2026, 11, 21, 16, 31, 12, 0, time.UTC)}
		if want == channels.StatePaid && n.Payment.Paid != paid {
			t.Errorf("%s: paid %+v", code, n.Payment.Paid)
		}
		if want != channels.StatePaid && n.Payment.Paid != (channels.Paid{}) {
			t.Errorf("%s: paid %+v", code, n.Payment.Paid)
		}
	}
}

func TestRefundNotice(t *testing.T) {
	for _, txnType := range []string{"04", "31"} {
		for code, want := range map[string]channels.RefundStatus{
			"00": channels.RefundSucceeded, "A6": channels.RefundSucceeded, "05": channels.RefundUncertain,
			"36": channels.RefundFailed, "01": channels.RefundFailed, "XX": channels.RefundUncertain,
		} {
			n, err := parseSigned(t, refundedNotice("txnType", txnType, "respCode", code))
			if err != nil || n.Kind != channels.NotificationRefund || n.AttemptID != testAttempt || n.Refund.RefundID != testRefund ||
				n.Refund.Status != want || n.Refund.ChannelRefundNo != "312611220031051234578" {
				t.Errorf("%s %s: notification %+v, error %v", txnType, code, n, err)
			}
			if want == channels.RefundSucceeded && !n.Refund.Amount.Equal(adaptertest.CNY(1000)) {
				t.Errorf("amount %v", n.Refund.Amount)
			}
		}
	}
	n, err := parseSigned(t, refundedNotice("reqReserved", "-", "origOrderId", testAttempt))
	if err != nil || n.AttemptID != testAttempt {
		t.Errorf("notification %+v, error %v", n, err)
	}
}

func TestNoticeIgnored(t *testing.T) {
	for _, txnType := range []string{"02", "03", "32", "79", "99", "00"} {
		n, err := parseSigned(t, paidNotice("txnType", txnType))
		if err != nil || n.Kind != channels.NotificationIgnored || n.Payment != (channels.PaymentState{}) {
			t.Errorf("%s: notification %+v, error %v", txnType, n, err)
		}
	}
}

// TestNoticeMismatch: verified, but not for us or not readable as ours.
func TestNoticeMismatch(t *testing.T) {
	for name, fields := range map[string]map[string]string{
		"merchant":             paidNotice("merId", "777290058110097"),
		"no merchant":          paidNotice("merId", "-"),
		"time":                 paidNotice("txnTime", "yesterday"),
		"currency":             paidNotice("currencyCode", "840"),
		"no currency":          paidNotice("currencyCode", "-"),
		"amount":               paidNotice("txnAmt", "88.80"),
		"no amount":            paidNotice("txnAmt", "-"),
		"no number":            paidNotice("queryId", "-"),
		"refund without it":    refundedNotice("txnAmt", "-"),
		"refund's currency":    refundedNotice("currencyCode", "840"),
		"refund of two orders": refundedNotice("origOrderId", testRefund),
	} {
		n, err := parseSigned(t, fields)
		var mismatch *channels.MismatchError
		if !errors.As(err, &mismatch) || !reflect.DeepEqual(n, channels.Notification{}) {
			t.Errorf("%s: notification %+v, error %v", name, n, err)
		}
	}
}

// TestNoticeRefused are notifications that nobody said.
func TestNoticeRefused(t *testing.T) {
	p := testPKI()
	up := p.unionpay
	genuine := signAs(up, paidNotice())
	stranger := struct{ root, middle, leaf identity }{root: certificate("ROOT", true, 0, nil)}
	stranger.middle = certificate("MIDDLE", true, 0, &stranger.root)
	stranger.leaf = certificate(unionPayName, false, 0, &stranger.middle)
	bodies := map[string][]byte{
		"empty": nil, "garbage": []byte("{}"), "no fields": []byte("&"), "text": []byte("success"),
		"not encoded":         []byte(wireBody(genuine)),
		"unsigned":            wireForm(with(genuine, "signature", "-")),
		"empty signature":     wireForm(with(genuine, "signature", "")),
		"signature not b64":   wireForm(with(genuine, "signature", "!")),
		"signature in two":    wireForm(with(genuine, "signature", genuine["signature"]+"=")),
		"no certificate":      wireForm(with(genuine, "signPubKeyCert", "-")),
		"merchant's key":      wireForm(signAs(p.merchant, paidNotice())),
		"authority's key":     wireForm(signAs(p.middle, paidNotice())),
		"stranger's chain":    wireForm(signAs(stranger.leaf, paidNotice())),
		"another certificate": wireForm(with(genuine, "signPubKeyCert", p.merchant.wirePEM())),
		"LF line ends":        wireForm(with(genuine, "signPubKeyCert", up.pem())),
		"a field more":        wireForm(with(genuine, "zz", "1")),
		"a field less":        wireForm(with(genuine, "traceNo", "-")),
		"an empty field more": wireForm(with(genuine, "accSplitData", "")),
		"changed amount":      wireForm(with(genuine, "txnAmt", "8881")),
		"trimmed":             wireForm(with(signAs(up, paidNotice("respMsg", " ok")), "respMsg", "ok")),
		"version 5.0.0":       wireForm(signAs(up, paidNotice("version", "5.0.0"))),
		"no version":          wireForm(signAs(up, paidNotice("version", "-"))),
		"signMethod 11":       wireForm(signAs(up, paidNotice("signMethod", "11"))),
		"signMethod 12":       wireForm(signAs(up, paidNotice("signMethod", "12"))),
		"no signMethod":       wireForm(signAs(up, paidNotice("signMethod", "-"))),
		"GBK":                 wireForm(signAs(up, paidNotice("encoding", "GBK"))),
		"repeated":            append(append(wireForm(genuine), '&'), []byte("txnAmt=8880")...),
		"two certificates":    wireForm(sealAs(up, with(paidNotice(), "signPubKeyCert", up.wirePEM()+"\r\n"+p.middle.wirePEM()))),
		"text before it":      wireForm(sealAs(up, with(paidNotice(), "signPubKeyCert", "x\r\n"+up.wirePEM()))),
	}
	c := newClient(t, testConfig("https://gateway.example.com"))
	if _, err := c.ParseNotification(nil, wireForm(genuine)); err != nil {
		t.Fatalf("the genuine one: %v", err)
	}
	for name, body := range bodies {
		n, err := c.ParseNotification(http.Header{"X": {"1"}}, body)
		if err == nil || channels.OutcomeOf(err) != channels.BadSignature || !reflect.DeepEqual(n, channels.Notification{}) {
			t.Errorf("%s: notification %+v, error %v", name, n, err)
		}
	}
}

// TestNoticeMoved: a genuine notice of a refund whose fields were moved into
// one value keeps its signed text, and must not become a notice of less.
func TestNoticeMoved(t *testing.T) {
	genuine := signAs(testPKI().unionpay, refundedNotice("respCode", "36", "respMsg", "no"))
	moved := with(genuine, "respCode", "-", "reqReserved", testAttempt+"&respCode=36")
	if canonical(moved) != canonical(genuine) {
		t.Fatal("the case is no case")
	}
	c := newClient(t, testConfig("https://gateway.example.com"))
	_, err := c.ParseNotification(nil, wireForm(moved))
	adaptertest.WantOutcome(t, err, channels.BadSignature)
}

// TestNoticeTampered changes each byte: each change is refused, or is another
// spelling of the same message.
func TestNoticeTampered(t *testing.T) {
	c := newClient(t, testConfig("https://gateway.example.com"))
	body := wireForm(signAs(testPKI().unionpay, paidNotice()))
	genuine, err := c.ParseNotification(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		for _, changed := range [][]byte{flip(body, i), append(bytes.Clone(body[:i]), body[i+1:]...)} {
			n, err := c.ParseNotification(nil, changed)
			if err == nil && !reflect.DeepEqual(n, genuine) || err != nil && channels.OutcomeOf(err) != channels.BadSignature {
				t.Fatalf("byte %d: notification %+v, error %v", i, n, err)
			}
			var mismatch *channels.MismatchError
			if errors.As(err, &mismatch) {
				t.Fatalf("byte %d: a changed message counts as verified", i)
			}
		}
	}
}

func flip(body []byte, i int) []byte {
	changed := bytes.Clone(body)
	changed[i] ^= 1
	return changed
}

func TestAcknowledge(t *testing.T) {
	c := newClient(t, testConfig("https://gateway.example.com"))
	if a := c.Acknowledge(true); a.Status != http.StatusOK || string(a.Body) != "ok" {
		t.Errorf("%+v", a)
	}
	if a := c.Acknowledge(false); a.Status != http.StatusInternalServerError {
		t.Errorf("%+v", a)
	}
}

func FuzzParseNotification(f *testing.F) {
	c := newClient(f, testConfig("https://gateway.example.com"))
	body := wireForm(signAs(testPKI().unionpay, paidNotice()))
	genuine, err := c.ParseNotification(nil, body)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body, []byte(nil), 0)
	f.Add(body, []byte("&txnAmt=1"), len(body))
	f.Add(body, []byte("%26"), 10)
	f.Fuzz(func(t *testing.T, head, insert []byte, at int) {
		text := bytes.Clone(head)
		if at >= 0 && at <= len(head) {
			text = append(append(bytes.Clone(head[:at]), insert...), head[at:]...)
		}
		n, err := c.ParseNotification(nil, text)
		if err == nil && !reflect.DeepEqual(n, genuine) {
			t.Errorf("%q is accepted: %+v", text, n)
		}
	})
}
