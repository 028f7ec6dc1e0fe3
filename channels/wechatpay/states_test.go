package wechatpay

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// unpaid takes out what unpaid orders do not have.
func unpaid(state string) map[string]any {
	return map[string]any{"trade_state": state, "transaction_id": nil, "success_time": nil, "trade_type": nil, "bank_type": nil, "amount": map[string]any{"total": 8880, "currency": "CNY"}}
}

func TestQueryStates(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		want channels.PaymentStatus
	}{
		"unpaid":             {transaction(unpaid("NOTPAY")), channels.StateWaiting},
		"typing":             {transaction(unpaid("USERPAYING")), channels.StateWaiting},
		"paid":               {transaction(nil), channels.StatePaid},
		"refund started":     {transaction(map[string]any{"trade_state": "REFUND"}), channels.StatePaid},
		"closed":             {transaction(unpaid("CLOSED")), channels.StateClosed},
		"reversed unpaid":    {transaction(unpaid("REVOKED")), channels.StateClosed},
		"reversed paid":      {transaction(map[string]any{"trade_state": "REVOKED"}), channels.StateReversed},
		"reversed, a sum":    {transaction(map[string]any{"trade_state": "REVOKED", "transaction_id": nil, "success_time": nil}), channels.StateReversed},
		"payment failed":     {transaction(unpaid("PAYERROR")), channels.StateFailed},
		"odd unneeded field": {transaction(map[string]any{"promotion_detail": "?", "payer": 1, "scene_info": []int{1}}), channels.StatePaid},
	} {
		t.Run(name, func(t *testing.T) {
			g := answering(t, http.StatusOK, tt.body)
			state, err := newClient(t, keyConfig(g.URL)).QueryPayment(t.Context(), attempt(channels.SceneQR))
			if err != nil || state.Status != tt.want || state.AttemptID != testAttempt {
				t.Fatalf("state %+v, %v", state, err)
			}
			if tt.want == channels.StatePaid && (state.Paid.Amount != adaptertest.CNY(8880) || state.Paid.ChannelTradeNo != testTradeNo || state.Paid.PaidAt.IsZero()) {
				t.Errorf("paid %+v", state.Paid)
			}
			if got := g.last(); got.target != "/v3/pay/transactions/out-trade-no/"+testAttempt+"?mchid="+testMchID || got.method != http.MethodGet {
				t.Errorf("asked %s %s", got.method, got.target)
			}
		})
	}
}

func TestQueryByTheirNumberAndForPartners(t *testing.T) {
	g := answering(t, http.StatusOK, transaction(nil))
	ref := channels.AttemptRef{ChannelTradeNo: testTradeNo}
	if _, err := newClient(t, keyConfig(g.URL)).QueryPayment(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if got := g.last().target; got != "/v3/pay/transactions/id/"+testTradeNo+"?mchid="+testMchID {
		t.Errorf("asked %s", got)
	}
	g.answer = func(w http.ResponseWriter, _ seen) { refuse(w, 401, "SIGN_ERROR", "") }
	_, err := newClient(t, keyConfig(g.URL)).QueryPayment(t.Context(), ref)
	adaptertest.WantOutcome(t, err, channels.Misconfigured)
	if got := g.last().target; got != "/v3/pay/transactions/id/"+testTradeNo+"?mchid="+testMchID {
		t.Errorf("asked again %s", got)
	}
	c := newClient(t, partnerConfig(g.URL))
	g.answer = func(w http.ResponseWriter, _ seen) {
		wechat().write(w, http.StatusOK, transaction(map[string]any{"mchid": nil, "sp_mchid": testMchID, "sub_mchid": "1900000109"}))
	}
	if _, err := c.QueryPayment(t.Context(), attempt(channels.SceneQR)); err != nil {
		t.Fatal(err)
	}
	if got := g.last().target; got != "/v3/pay/partner/transactions/out-trade-no/"+testAttempt+"?sp_mchid="+testMchID+"&sub_mchid=1900000109" {
		t.Errorf("asked %s", got)
	}
	g.answer = func(w http.ResponseWriter, _ seen) {
		wechat().write(w, http.StatusOK, transaction(map[string]any{"mchid": nil, "sp_mchid": testMchID, "sub_mchid": "1900000110"}))
	}
	_, err = c.QueryPayment(t.Context(), attempt(channels.SceneQR))
	adaptertest.WantOutcome(t, err, channels.Unknown)
}

func TestQueryHandsOnWhatItSays(t *testing.T) {
	g := answering(t, http.StatusOK, transaction(map[string]any{"out_trade_no": "OTHER", "amount": map[string]any{"total": 1, "currency": "CNY"}}))
	state, err := newClient(t, keyConfig(g.URL)).QueryPayment(t.Context(), attempt(channels.SceneQR))
	if err != nil || state.AttemptID != "OTHER" || state.Paid.Amount != adaptertest.CNY(1) {
		t.Errorf("state %+v, %v", state, err)
	}
}

func TestQueryWithoutAnOrder(t *testing.T) {
	for _, code := range []string{"ORDER_NOT_EXIST", "ORDERNOTEXIST"} {
		state, err := newClient(t, keyConfig(refusing(t, 404, code).URL)).QueryPayment(t.Context(), attempt(channels.SceneQR))
		if err != nil || state.Status != channels.StateNotFound || state.Code != code || state.Message != "原因" {
			t.Errorf("%s: %+v, %v", code, state, err)
		}
	}
	for code, status := range map[string]int{"NOT_FOUND": 404, "RESOURCE_NOT_EXISTS": 404, "ORDER_NOT_EXIST": 500, "ORDERNOTEXIST": 400, "": 404} {
		_, err := newClient(t, keyConfig(refusing(t, status, code).URL)).QueryPayment(t.Context(), attempt(channels.SceneQR))
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
}

func TestContradictionsAreUnknown(t *testing.T) {
	for _, body := range []string{
		transaction(map[string]any{"trade_state": "CLOSED"}),
		transaction(map[string]any{"trade_state": "PAYERROR"}),
		transaction(map[string]any{"trade_state": "ACCEPT"}),
		transaction(map[string]any{"trade_state": nil}),
		transaction(map[string]any{"trade_state": "REVOKED", "amount": nil}),
	} {
		_, err := newClient(t, keyConfig(answering(t, http.StatusOK, body).URL)).QueryPayment(t.Context(), attempt(channels.SceneQR))
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
}

func TestCloseAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		code   string
		signed bool
		want   channels.CloseResult
	}{
		"closed":                 {204, "", true, channels.CloseAcknowledged},
		"no such order":          {404, "ORDER_NOT_EXIST", false, channels.CloseNoOrder},
		"closed before":          {400, "ORDERCLOSED", false, channels.CloseAcknowledged},
		"paid, as nobody signed": {400, "ORDERPAID", false, channels.CloseUncertain},
		"paid, signed":           {400, "ORDER_PAID", true, channels.CloseAlreadyPaid},
	} {
		t.Run(name, func(t *testing.T) {
			body := ""
			if tt.code != "" {
				body = `{"code":"` + tt.code + `","message":"m"}`
			}
			g := newGateway(t, func(w http.ResponseWriter, _ seen) {
				if tt.signed {
					wechat().write(w, tt.status, body)
				} else {
					refuse(w, tt.status, tt.code, "")
				}
			})
			got, err := newClient(t, keyConfig(g.URL)).ClosePayment(t.Context(), attempt(channels.SceneQR))
			if err != nil || got != tt.want {
				t.Errorf("%v, %v", got, err)
			}
			wantBody(t, g.last(), "/v3/pay/transactions/out-trade-no/"+testAttempt+"/close", `{"mchid":"`+testMchID+`"}`)
		})
	}
	for code, status := range map[string]int{"INVALID_REQUEST": 400, "SYSTEM_ERROR": 500, "": 400} {
		got, err := newClient(t, keyConfig(refusing(t, status, code).URL)).ClosePayment(t.Context(), attempt(channels.SceneQR))
		adaptertest.WantOutcome(t, err, channels.Unknown)
		if got != channels.CloseUncertain {
			t.Errorf("result %v beside an error", got)
		}
	}
	_, err := newClient(t, keyConfig(answering(t, 200, `{"out_trade_no":"OTHER"}`).URL)).ClosePayment(t.Context(), attempt(channels.SceneQR))
	adaptertest.WantOutcome(t, err, channels.Unknown)
	g := answering(t, 204, "")
	if got, err := newClient(t, keyConfig(g.URL)).ClosePayment(t.Context(), attempt(channels.SceneBarcode)); got != channels.CloseUnsupported || err != nil || g.count() != 0 {
		t.Errorf("an order by code: %v, %v, %d calls", got, err, g.count())
	}
	partner := answering(t, 204, "")
	if got, err := newClient(t, partnerConfig(partner.URL)).ClosePayment(t.Context(), attempt(channels.SceneQR)); got != channels.CloseAcknowledged || err != nil {
		t.Errorf("for a partner: %v, %v", got, err)
	}
	wantBody(t, partner.last(), "/v3/pay/partner/transactions/out-trade-no/"+testAttempt+"/close", `{"sp_mchid":"`+testMchID+`","sub_mchid":"1900000109"}`)
}

func TestReverseAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		status  int
		code    string
		state   string // the query's answer; empty: no such order
		want    channels.ReverseResult
		unknown bool
	}{
		"returned":         {200, "", transaction(map[string]any{"trade_state": "REVOKED"}), channels.ReverseReturned, false},
		"closed":           {200, "", transaction(unpaid("REVOKED")), channels.ReverseClosed, false},
		"closed otherwise": {204, "", transaction(unpaid("CLOSED")), channels.ReverseClosed, false},
		"not yet":          {200, "", transaction(nil), channels.ReverseUncertain, false},
		"still typing":     {200, "", transaction(unpaid("USERPAYING")), channels.ReverseUncertain, false},
		"another order":    {200, "", transaction(map[string]any{"trade_state": "REVOKED", "out_trade_no": "OTHER"}), channels.ReverseUncertain, true},
		"never was":        {404, "ORDER_NOT_EXIST", "", channels.ReverseClosed, false},
		"reversed before":  {400, "ORDER_REVERSED", transaction(map[string]any{"trade_state": "REVOKED"}), channels.ReverseReturned, false},
		"refused":          {403, "TRADE_ERROR", transaction(nil), channels.ReverseUncertain, true},
		"busy":             {500, "SYSTEM_ERROR", transaction(nil), channels.ReverseUncertain, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(w http.ResponseWriter, r seen) {
				switch {
				case r.method == http.MethodGet && tt.state == "":
					refuse(w, 404, "ORDER_NOT_EXIST", "")
				case r.method == http.MethodGet:
					wechat().write(w, 200, tt.state)
				case tt.status/100 == 2 && tt.status != 204:
					wechat().write(w, tt.status, `{"out_trade_no":"`+testAttempt+`"}`)
				case tt.status == 204:
					wechat().write(w, tt.status, "")
				default:
					refuse(w, tt.status, tt.code, "")
				}
			})
			got, err := newClient(t, keyConfig(g.URL)).ReversePayment(t.Context(), attempt(channels.SceneBarcode))
			if got != tt.want || (err != nil) != tt.unknown {
				t.Fatalf("%v, %v", got, err)
			}
			if tt.unknown {
				adaptertest.WantOutcome(t, err, channels.Unknown)
			}
			wantBody(t, g.requests()[0], "/v3/pay/transactions/out-trade-no/"+testAttempt+"/reverse", `{"appid":"`+testAppID+`","mchid":"`+testMchID+`"}`)
		})
	}
}

func TestRefundAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		want channels.RefundStatus
	}{
		"accepted":        {refunded(nil), channels.RefundUncertain},
		"done":            {refunded(map[string]any{"status": "SUCCESS", "success_time": "2026-11-22T00:31:05+08:00"}), channels.RefundSucceeded},
		"closed":          {refunded(map[string]any{"status": "CLOSED"}), channels.RefundFailed},
		"needs a person":  {refunded(map[string]any{"status": "ABNORMAL"}), channels.RefundAbnormal},
		"another refund":  {refunded(map[string]any{"status": "SUCCESS", "out_refund_no": "OTHER"}), channels.RefundSucceeded},
		"another amount":  {refunded(map[string]any{"status": "SUCCESS", "amount": map[string]any{"refund": 1}}), channels.RefundSucceeded},
		"currency absent": {refunded(map[string]any{"amount": map[string]any{"refund": 1000}}), channels.RefundUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			g := answering(t, http.StatusOK, tt.body)
			c := newClient(t, keyConfig(g.URL))
			for _, ask := range []func() (channels.RefundState, error){
				func() (channels.RefundState, error) { return c.Refund(t.Context(), refundRequest()) },
				func() (channels.RefundState, error) { return c.QueryRefund(t.Context(), refundRequest()) },
			} {
				state, err := ask()
				if err != nil || state.Status != tt.want || state.ChannelRefundNo != testRefundNo {
					t.Fatalf("state %+v, %v", state, err)
				}
				if (state.RefundID == testRefund) == strings.Contains(tt.body, "OTHER") {
					t.Errorf("refund id %q", state.RefundID)
				}
				if (state.Amount == adaptertest.CNY(1000)) == (name == "another amount") {
					t.Errorf("amount %v", state.Amount)
				}
				if name == "done" && !state.SucceededAt.Equal(time.Date(2026, 11, 21, 16, 31, 5, 0, time.UTC)) {
					t.Errorf("succeeded at %v", state.SucceededAt)
				}
			}
			wantBody(t, g.requests()[0], "/v3/refund/domestic/refunds", `{"out_trade_no":"`+testAttempt+`","out_refund_no":"`+testRefund+
				`","reason":"too cold","notify_url":"`+testNotify+`","amount":{"refund":1000,"total":8880,"currency":"CNY"}}`)
			if got := g.last().target; got != "/v3/refund/domestic/refunds/"+testRefund {
				t.Errorf("asked %s", got)
			}
		})
	}
}

func TestRefundsThatSayTooLittleAreUnknown(t *testing.T) {
	for _, body := range []string{
		refunded(map[string]any{"out_trade_no": "OTHER"}),
		refunded(map[string]any{"out_trade_no": nil}),
		refunded(map[string]any{"out_refund_no": nil}),
		refunded(map[string]any{"status": "NEW"}),
		refunded(map[string]any{"status": nil}),
		refunded(map[string]any{"amount": nil}),
		`{}`,
	} {
		c := newClient(t, keyConfig(answering(t, http.StatusOK, body).URL))
		_, err := c.Refund(t.Context(), refundRequest())
		adaptertest.WantOutcome(t, err, channels.Unknown)
		_, err = c.QueryRefund(t.Context(), refundRequest())
		adaptertest.WantOutcome(t, err, channels.Unknown)
	}
}

func TestRefundQueryWithoutARefund(t *testing.T) {
	for _, code := range []string{"RESOURCE_NOT_EXISTS", "REFUND_NOT_EXISTS", "REFUNDNOTEXISTS"} {
		state, err := newClient(t, keyConfig(refusing(t, 404, code).URL)).QueryRefund(t.Context(), refundRequest())
		if err != nil || state.Status != channels.RefundNotFound {
			t.Errorf("%s: %+v, %v", code, state, err)
		}
	}
	for code, status := range map[string]int{"NOT_FOUND": 404, "MCH_NOT_EXISTS": 404, "RESOURCE_NOT_EXISTS": 400} {
		if _, err := newClient(t, keyConfig(refusing(t, status, code).URL)).QueryRefund(t.Context(), refundRequest()); err == nil {
			t.Errorf("%d %s is taken for no such refund", status, code)
		}
	}
}

func TestRefundForPartner(t *testing.T) {
	g := answering(t, http.StatusOK, refunded(nil))
	c := newClient(t, partnerConfig(g.URL))
	req := refundRequest()
	req.Reason, req.NotifyURL = "", ""
	if _, err := c.Refund(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	wantBody(t, g.last(), "/v3/refund/domestic/refunds", `{"sub_mchid":"1900000109","out_trade_no":"`+testAttempt+`","out_refund_no":"`+testRefund+
		`","amount":{"refund":1000,"total":8880,"currency":"CNY"}}`)
	if _, err := c.QueryRefund(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if got := g.last().target; got != "/v3/refund/domestic/refunds/"+testRefund+"?sub_mchid=1900000109" {
		t.Errorf("asked %s", got)
	}
	req.NotifyURL = "https://a.example.com/?b"
	_, err := c.Refund(t.Context(), req)
	adaptertest.WantOutcome(t, err, channels.NotProcessed)
}
