package unionpay

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

func TestRefundIsOnlyAccepted(t *testing.T) {
	for _, code := range []string{"00", "05"} {
		g := answering(t, "respCode", code, "respMsg", "成功[0000000]", "queryId", "312611220031051234578", "currencyCode", "-")
		state, err := newClient(t, testConfig(g.URL)).Refund(t.Context(), refundRequest(channels.SceneWeb))
		if err != nil {
			t.Fatal(err)
		}
		if state.Status != channels.RefundUncertain || state.RefundID != testRefund || state.ChannelRefundNo != "312611220031051234578" ||
			!state.Amount.Equal(adaptertest.CNY(1000)) {
			t.Errorf("state %+v", state)
		}
		sent := g.last()
		if sent.path != "/gateway/api/backTransReq.do" {
			t.Errorf("path %s", sent.path)
		}
		wantFields(t, sent.fields, map[string]string{
			"txnType": "04", "txnSubType": "00", "bizType": "000201", "channelType": "07", "orderId": testRefund,
			"txnTime": "20261122003105", "txnAmt": "1000", "currencyCode": "156", "origQryId": testQueryID,
			"backUrl": "https://pay.example.com/notify/unionpay/1", "reqReserved": testAttempt,
		})
	}
}

// TestRefundNamesTheOrder: without UnionPay's number a code's order is named
// by ours, another one is asked for first.
func TestRefundNamesTheOrder(t *testing.T) {
	req := refundRequest(channels.SceneBarcode)
	req.Attempt.ChannelTradeNo = ""
	g := answering(t, "respCode", "00")
	if _, err := newClient(t, testConfig(g.URL)).Refund(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	sent := g.last().fields
	if sent["origOrderId"] != testAttempt || sent["origTxnTime"] != "20261122003005" || sent["origQryId"] != "" || sent["bizType"] != "000000" {
		t.Errorf("sent %v", sent)
	}

	req.Attempt.Scene = channels.SceneWeb
	orig := donePairs()
	g = newGateway(t, func(w http.ResponseWriter, path string, p map[string]string) {
		pairs := []string{"respCode", "00"}
		if path == pathQuery {
			pairs = orig
		}
		_, _ = io.WriteString(w, wireBody(signAs(testPKI().unionpay, echo(p, pairs...))))
	})
	c := newClient(t, testConfig(g.URL))
	if _, err := c.Refund(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if sent := g.last(); sent.path != pathBack || sent.fields["origQryId"] != testQueryID || len(g.requests()) != 2 {
		t.Errorf("sent %+v", g.requests())
	}
	for name, pairs := range map[string][]string{
		"not paid":  donePairs("origRespCode", "05"),
		"not found": {"respCode", "34"},
		"no answer": {"respCode", "06"},
	} {
		orig = pairs
		before := len(g.requests())
		_, err := c.Refund(t.Context(), req)
		adaptertest.WantOutcome(t, err, channels.NotProcessed)
		if g.last().path != pathQuery || len(g.requests()) != before+1 {
			t.Errorf("%s: a refund was sent", name)
		}
	}
}

func TestRefundRefusals(t *testing.T) {
	for code, want := range map[string]channels.Outcome{
		"01": channels.Declined, "35": channels.Declined, "36": channels.Declined, "45": channels.Declined,
		"11": channels.Misconfigured, "32": channels.Misconfigured, "37": channels.NotProcessed,
		"03": channels.Unknown, "04": channels.Unknown, "06": channels.Unknown, "12": channels.Unknown,
		"34": channels.Unknown, "70": channels.Unknown, "86": channels.Unknown, "A6": channels.Unknown, "??": channels.Unknown,
	} {
		g := answering(t, "respCode", code)
		_, err := newClient(t, testConfig(g.URL)).Refund(t.Context(), refundRequest(channels.SceneWeb))
		adaptertest.WantOutcome(t, err, want)
	}
	for name, pairs := range map[string][]string{
		"another refund": {"respCode", "00", "orderId", testAttempt},
		"another time":   {"respCode", "00", "txnTime", "20261122003005"},
		"another type":   {"respCode", "00", "txnType", "01"},
		"an odd amount":  {"respCode", "00", "txnAmt", "-1"},
	} {
		g := answering(t, pairs...)
		_, err := newClient(t, testConfig(g.URL)).Refund(t.Context(), refundRequest(channels.SceneWeb))
		if channels.OutcomeOf(err) != channels.Unknown || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	req := refundRequest(channels.SceneWeb)
	req.RefundID = "short"
	g := answering(t, "respCode", "00")
	_, err := newClient(t, testConfig(g.URL)).Refund(t.Context(), req)
	adaptertest.WantOutcome(t, err, channels.NotProcessed)
	if len(g.requests()) != 0 {
		t.Error("a refund without a number was sent")
	}
}

// TestSameDayUndo: an undo only where the account asks for it, for all of the
// money, and well within the settlement day of the order (23:00 to 23:00 in
// Beijing).
func TestSameDayUndo(t *testing.T) {
	day := func(hour, minute int) time.Time { return time.Date(2026, 11, 22, hour, minute, 0, 0, beijing) }
	for _, tt := range []struct {
		name      string
		made, now time.Time
		part, off bool
		others    int64
		want      string
	}{
		{name: "same day", made: day(10, 0), now: day(22, 49), want: "31"},
		{name: "switched off", made: day(10, 0), now: day(11, 0), off: true, want: "04"},
		{name: "a part", made: day(10, 0), now: day(11, 0), part: true, want: "04"},
		{name: "beside others", made: day(10, 0), now: day(11, 0), others: 1, want: "04"},
		{name: "too near to the cut", made: day(10, 0), now: day(22, 51), want: "04"},
		{name: "after the cut", made: day(10, 0), now: day(23, 1), want: "04"},
		{name: "made after the cut", made: day(23, 1), now: day(24, 5), want: "31"},
		{name: "next day", made: day(22, 59), now: day(24, 5), want: "04"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := answering(t, "respCode", "00")
			cfg := testConfig(g.URL)
			cfg.SameDayUndo = !tt.off
			req := refundRequest(channels.SceneBarcode)
			req.Attempt.SubmittedAt, req.SubmittedAt, req.Others = tt.made, tt.now, adaptertest.CNY(tt.others)
			if !tt.part {
				req.Amount = req.Attempt.Amount
			}
			c := newClientAt(t, cfg, tt.now)
			if _, err := c.Refund(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			if got := g.last().fields["txnType"]; got != tt.want {
				t.Errorf("type %s, want %s", got, tt.want)
			}
		})
	}
}

func refundDone(pairs ...string) []string {
	return append([]string{
		"respCode", "00", "origRespCode", "00", "origRespMsg", "成功[0000000]", "queryId", "312611220031051234578",
		"traceTime", "1122003106", "txnAmt", "1000", "currencyCode", "156", "txnType", "04",
		"origOrderId", testAttempt, "origTxnTime", "20261122003005", "origQryId", testQueryID,
	}, pairs...)
}

func TestQueryRefund(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pairs []string
		want  channels.RefundStatus
	}{
		{"done", nil, channels.RefundSucceeded},
		{"with a defect", []string{"origRespCode", "A6"}, channels.RefundSucceeded},
		{"an undo", []string{"txnType", "31"}, channels.RefundSucceeded},
		{"only its own fields", []string{"origOrderId", "-", "origTxnTime", "-", "origQryId", "-", "currencyCode", "-"}, channels.RefundSucceeded},
		{"accepted", []string{"origRespCode", "05", "queryId", "-"}, channels.RefundUncertain},
		{"in doubt", []string{"origRespCode", "03"}, channels.RefundUncertain},
		{"in doubt, file", []string{"origRespCode", "04"}, channels.RefundUncertain},
		{"handed over", []string{"origRespCode", "70"}, channels.RefundUncertain},
		{"unknown code", []string{"origRespCode", "Q7"}, channels.RefundUncertain},
		{"refused", []string{"origRespCode", "36"}, channels.RefundFailed},
		{"failed", []string{"origRespCode", "01"}, channels.RefundFailed},
		{"never came", []string{"respCode", "34", "origRespCode", "-", "txnType", "00"}, channels.RefundNotFound},
	} {
		g := answering(t, refundDone(tt.pairs...)...)
		state, err := newClient(t, testConfig(g.URL)).QueryRefund(t.Context(), refundRequest(channels.SceneWeb))
		if err != nil || state.Status != tt.want || state.RefundID != testRefund {
			t.Errorf("%s: state %+v, want %v, error %v", tt.name, state, tt.want, err)
		}
		if tt.want == channels.RefundSucceeded && (!state.Amount.Equal(adaptertest.CNY(1000)) || state.ChannelRefundNo != "312611220031051234578" ||
			!state.SucceededAt.Equal(testNow.Add(61*time.Second))) {
			t.Errorf("%s: state %+v", tt.name, state)
		}
		wantFields(t, g.last().fields, map[string]string{
			"txnType": "00", "txnSubType": "00", "bizType": "000201", "orderId": testRefund, "txnTime": "20261122003105",
		})
	}
	for name, pairs := range map[string][]string{
		"a payment":        {"txnType", "01"},
		"another order":    {"origOrderId", testRefund},
		"another original": {"origQryId", "1"},
		"no amount":        {"txnAmt", "-"},
		"another currency": {"currencyCode", "840"},
		"busy":             {"respCode", "06"},
		"another refund":   {"orderId", testAttempt},
	} {
		g := answering(t, refundDone(pairs...)...)
		state, err := newClient(t, testConfig(g.URL)).QueryRefund(t.Context(), refundRequest(channels.SceneWeb))
		if err == nil || channels.OutcomeOf(err) != channels.Unknown {
			t.Errorf("%s: state %+v, error %v", name, state, err)
		}
	}
}
