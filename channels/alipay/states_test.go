package alipay

import (
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

func TestQueryStates(t *testing.T) {
	const head = `{"code":"10000","msg":"Success","out_trade_no":"` + testAttempt + `","trade_no":"` + testTradeNo + `","total_amount":"88.80",`
	for name, tt := range map[string]struct {
		node string
		want channels.PaymentStatus
	}{
		"waiting":           {head + `"trade_status":"WAIT_BUYER_PAY"}`, channels.StateWaiting},
		"paid":              {head + `"trade_status":"TRADE_SUCCESS","send_pay_date":"2026-11-22 00:30:01"}`, channels.StatePaid},
		"finished":          {head + `"trade_status":"TRADE_FINISHED"}`, channels.StatePaid},
		"closed":            {head + `"trade_status":"TRADE_CLOSED","buyer_pay_amount":"0.00","receipt_amount":"0.00"}`, channels.StateClosed},
		"closed, no bills":  {head + `"trade_status":"TRADE_CLOSED","fund_bill_list":[ ]}`, channels.StateClosed},
		"refunded":          {head + `"trade_status":"TRADE_CLOSED","send_pay_date":"2026-11-22 00:30:01"}`, channels.StateReversed},
		"refunded, sum":     {head + `"trade_status":"TRADE_CLOSED","buyer_pay_amount":"88.80"}`, channels.StateReversed},
		"refunded, bills":   {head + `"trade_status":"TRADE_CLOSED","fund_bill_list":[{"amount":"88.80"}]}`, channels.StateReversed},
		"refunded, receipt": {head + `"trade_status":"TRADE_CLOSED","receipt_amount":"0.01"}`, channels.StateReversed},
		"no such order":     {`{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST","sub_msg":"交易不存在"}`, channels.StateNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			g := answering(t, tt.node)
			state, err := newClient(t, keyConfig(g.URL)).QueryPayment(t.Context(), attempt(channels.SceneQR))
			if err != nil || state.Status != tt.want {
				t.Fatalf("state %v, error %v", state.Status, err)
			}
			if tt.want != channels.StateNotFound && state.AttemptID != testAttempt {
				t.Errorf("attempt %q", state.AttemptID)
			}
			if tt.want == channels.StatePaid && state.Paid.Amount.Minor() != 8880 {
				t.Errorf("paid %+v", state.Paid)
			}
			if b := biz(t, g.last()); b["out_trade_no"] != testAttempt || b["trade_no"] != nil {
				t.Errorf("asked with %v", b)
			}
		})
	}
}

func TestQueryHandsOnWhatItSays(t *testing.T) {
	c := newClient(t, keyConfig(answering(t, `{"code":"10000","out_trade_no":"OTHER","total_amount":"0.01","trade_status":"TRADE_SUCCESS"}`).URL))
	state, err := c.QueryPayment(t.Context(), attempt(channels.SceneQR))
	if err != nil || state.AttemptID != "OTHER" || state.Paid.Amount.Minor() != 1 {
		t.Errorf("state %+v, error %v", state, err)
	}
}

func TestQueryThatSaysTooLittleIsUnknown(t *testing.T) {
	for _, node := range []string{
		`{"code":"10000","total_amount":"88.80","trade_status":"TRADE_SUCCESS"}`,
		`{"code":"10000","out_trade_no":"` + testAttempt + `","trade_status":"TRADE_SUCCESS"}`,
		`{"code":"10000","out_trade_no":"` + testAttempt + `","total_amount":"88.80","trade_status":"TRADE_NEW"}`,
		`{"code":"10000","out_trade_no":"` + testAttempt + `","total_amount":"88.80","trade_status":"TRADE_SUCCESS","trans_currency":"ZZZ"}`,
		`{"code":"10003","out_trade_no":"` + testAttempt + `","total_amount":"88.80","trade_status":"TRADE_SUCCESS"}`,
		`{"code":"40004","sub_code":"ACQ.SYSTEM_ERROR"}`,
	} {
		_, err := newClient(t, keyConfig(answering(t, node).URL)).QueryPayment(t.Context(), attempt(channels.SceneQR))
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
}

func TestCloseAnswers(t *testing.T) {
	refused := func(sub string) string { return `{"code":"40004","sub_code":"ACQ.` + sub + `"}` }
	for node, want := range map[string]channels.CloseResult{
		`{"code":"10000","out_trade_no":"` + testAttempt + `"}`: channels.CloseAcknowledged,
		refused("TRADE_NOT_EXIST"):                              channels.CloseNoOrder,
		refused("TRADE_STATUS_ERROR"):                           channels.CloseUncertain,
		refused("REASON_TRADE_STATUS_INVALID"):                  channels.CloseUncertain,
		refused("TRADE_HAS_SUCCESS"):                            channels.CloseAlreadyPaid,
		refused("TRADE_HAS_FINISHED"):                           channels.CloseAlreadyPaid,
		refused("TRADE_HAS_CLOSE"):                              channels.CloseAcknowledged,
	} {
		got, err := newClient(t, keyConfig(answering(t, node).URL)).ClosePayment(t.Context(), attempt(channels.SceneQR))
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", node, got, err)
		}
	}
	for node, want := range map[string]channels.Outcome{
		`{"code":"10000","out_trade_no":"OTHER"}`:        channels.Unknown,
		`{"code":"10000"}`:                               channels.Unknown,
		`{"code":"20000","sub_code":"isp.unknow-error"}`: channels.Unknown,
		refused("SYSTEM_ERROR"):                          channels.Unknown,
		`{"code":"40006"}`:                               channels.Misconfigured,
	} {
		got, err := newClient(t, keyConfig(answering(t, node).URL)).ClosePayment(t.Context(), attempt(channels.SceneQR))
		adaptertest.WantOutcome(t, err, want)
		if got != channels.CloseUncertain {
			t.Errorf("%s: result %v beside an error", node, got)
		}
	}
}

func TestReverseAnswers(t *testing.T) {
	const head = `{"code":"10000","out_trade_no":"` + testAttempt + `"`
	for node, want := range map[string]channels.ReverseResult{
		head + `,"retry_flag":"N","action":"close"}`:        channels.ReverseClosed,
		head + `,"retry_flag":"N","action":"refund"}`:       channels.ReverseReturned,
		head + `,"retry_flag":"N"}`:                         channels.ReverseClosed,
		head + `,"retry_flag":"Y","action":"refund"}`:       channels.ReverseUncertain,
		head + `,"retry_flag":"N","action":"new"}`:          channels.ReverseUncertain,
		`{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}`: channels.ReverseClosed,
	} {
		got, err := newClient(t, keyConfig(answering(t, node).URL)).ReversePayment(t.Context(), attempt(channels.SceneBarcode))
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", node, got, err)
		}
	}
	for node, want := range map[string]channels.Outcome{
		`{"code":"10000","out_trade_no":"OTHER","action":"refund"}`:   channels.Unknown,
		`{"code":"40004","sub_code":"AQC.SYSTEM_ERROR"}`:              channels.Unknown,
		`{"code":"40004","sub_code":"ACQ.SELLER_BALANCE_NOT_ENOUGH"}`: channels.Unknown,
		`{"code":"40004","sub_code":"ACQ.TRADE_CANCEL_TIME_OUT"}`:     channels.Declined,
	} {
		_, err := newClient(t, keyConfig(answering(t, node).URL)).ReversePayment(t.Context(), attempt(channels.SceneBarcode))
		adaptertest.WantOutcome(t, err, want)
	}
}

func TestRefundAnswers(t *testing.T) {
	const head = `{"code":"10000","msg":"Success","out_trade_no":"` + testAttempt + `","trade_no":"` + testTradeNo + `",`
	for name, tt := range map[string]struct {
		node   string
		others int64
		want   channels.RefundStatus
	}{
		"moved":             {head + `"fund_change":"Y","refund_fee":"10.00","gmt_refund_pay":"2026-11-22 00:30:06"}`, 0, channels.RefundSucceeded},
		"moved beside more": {head + `"fund_change":"Y","refund_fee":"15.00"}`, 500, channels.RefundSucceeded},
		"an earlier answer": {head + `"fund_change":"Y","refund_fee":"5.00"}`, 500, channels.RefundUncertain},
		"a foreign refund":  {head + `"fund_change":"Y","refund_fee":"20.00"}`, 0, channels.RefundUncertain},
		"no sum":            {head + `"fund_change":"Y"}`, 0, channels.RefundUncertain},
		"repeat":            {head + `"fund_change":"N","refund_fee":"10.00"}`, 0, channels.RefundUncertain},
		"not said":          {head + `"refund_fee":"10.00"}`, 0, channels.RefundUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			g := answering(t, tt.node)
			req := refundRequest()
			req.Others = adaptertest.CNY(tt.others)
			state, err := newClient(t, keyConfig(g.URL)).Refund(t.Context(), req)
			if err != nil || state.Status != tt.want || state.RefundID != testRefund {
				t.Fatalf("state %+v, error %v", state, err)
			}
			if !state.Amount.IsZero() {
				t.Errorf("the cumulative refund_fee became the refund's amount: %v", state.Amount)
			}
			b := biz(t, g.last())
			if b["out_trade_no"] != testAttempt || b["out_request_no"] != testRefund || b["refund_amount"] != "10.00" || b["refund_reason"] != "too cold" {
				t.Errorf("asked with %v", b)
			}
			if _, ok := g.last()["notify_url"]; ok {
				t.Error("a refund has no notify_url of its own")
			}
		})
	}
	_, err := newClient(t, keyConfig(answering(t, `{"code":"10000","out_trade_no":"OTHER","fund_change":"Y","refund_fee":"10.00"}`).URL)).Refund(t.Context(), refundRequest())
	adaptertest.WantOutcome(t, err, channels.Unknown)
}

func TestRefundQueryAnswers(t *testing.T) {
	const head = `{"code":"10000","out_trade_no":"` + testAttempt + `","out_request_no":"` + testRefund + `","total_amount":"88.80"`
	for name, tt := range map[string]struct {
		node string
		want channels.RefundStatus
	}{
		"done":          {head + `,"refund_amount":"10.00","refund_status":"REFUND_SUCCESS","gmt_refund_pay":"2026-11-22 00:30:06"}`, channels.RefundSucceeded},
		"no state":      {head + `,"refund_amount":"10.00"}`, channels.RefundUncertain},
		"on its way":    {head + `,"refund_amount":"10.00","refund_status":"REFUND_PROCESSING"}`, channels.RefundUncertain},
		"nothing":       {`{"code":"10000","msg":"Success"}`, channels.RefundNotFound},
		"no such order": {`{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}`, channels.RefundNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			state, err := newClient(t, keyConfig(answering(t, tt.node).URL)).QueryRefund(t.Context(), refundRequest())
			if err != nil || state.Status != tt.want {
				t.Fatalf("state %+v, error %v", state, err)
			}
			if tt.want == channels.RefundSucceeded && (state.Amount.Minor() != 1000 || state.RefundID != testRefund || state.SucceededAt.IsZero()) {
				t.Errorf("state %+v", state)
			}
		})
	}
	for _, node := range []string{
		strings.Replace(head, testAttempt, "OTHER", 1) + `,"refund_amount":"10.00","refund_status":"REFUND_SUCCESS"}`,
		head + `,"refund_amount":"ten","refund_status":"REFUND_SUCCESS"}`,
	} {
		_, err := newClient(t, keyConfig(answering(t, node).URL)).QueryRefund(t.Context(), refundRequest())
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
}
