package unionpay

import (
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// donePairs are the fields of a query's answer about a paid order.
func donePairs(pairs ...string) []string {
	return append([]string{
		"respCode", "00", "respMsg", "成功[0000000]", "origRespCode", "00", "origRespMsg", "成功[0000000]",
		"queryId", testQueryID, "traceNo", "123456", "traceTime", "1122003112", "settleAmt", "8880",
		"settleCurrencyCode", "156", "settleDate", "1122", "txnAmt", "8880", "currencyCode", "156",
		"txnType", "01", "txnSubType", "01", "accNo", "6216***********0018",
	}, pairs...)
}

func queryOf(t *testing.T, scene channels.Scene, at time.Time, pairs ...string) (channels.PaymentState, *gateway, error) {
	t.Helper()
	g := answering(t, pairs...)
	state, err := newClientAt(t, testConfig(g.URL), at).QueryPayment(t.Context(), attempt(scene))
	return state, g, err
}

func TestQueryPaid(t *testing.T) {
	for _, code := range []string{"00", "A6"} {
		state, g, err := queryOf(t, channels.SceneWeb, testNow, donePairs("origRespCode", code)...)
		if err != nil {
			t.Fatal(err)
		}
		if state.Status != channels.StatePaid || state.AttemptID != testAttempt || state.Paid.ChannelTradeNo != testQueryID ||
			!state.Paid.Amount.Equal(adaptertest.CNY(8880)) || !state.Paid.PaidAt.Equal(time.Date(2026, 11, 21, 16, 31, 12, 0, time.UTC)) {
			t.Errorf("state %+v", state)
		}
		sent := g.last()
		if sent.path != "/gateway/api/queryTrans.do" {
			t.Errorf("path %s", sent.path)
		}
		wantFields(t, sent.fields, map[string]string{
			"txnType": "00", "txnSubType": "00", "bizType": "000201", "orderId": testAttempt, "txnTime": "20261122003005",
		})
	}
}

// TestQueryStates: what is final depends on who acts and whether the order's
// limit has passed.
func TestQueryStates(t *testing.T) {
	fronts := []channels.Scene{channels.SceneWeb, channels.SceneH5, channels.SceneApp, channels.SceneQR}
	over := testNow.Add(30*time.Minute + limitMargin + time.Second)
	atLimit := testNow.Add(30*time.Minute + limitMargin)
	for _, tt := range []struct {
		code                     string
		front, frontOver, scaned channels.PaymentStatus
	}{
		{"05", channels.StateWaiting, channels.StateWaiting, channels.StateWaiting},
		{"03", channels.StateUncertain, channels.StateUncertain, channels.StateUncertain},
		{"04", channels.StateUncertain, channels.StateUncertain, channels.StateUncertain},
		{"42", channels.StateUncertain, channels.StateUncertain, channels.StateUncertain},
		{"70", channels.StateUncertain, channels.StateUncertain, channels.StateUncertain},
		{"74", channels.StateUncertain, channels.StateUncertain, channels.StateUncertain},
		{"75", channels.StateUncertain, channels.StateUncertain, channels.StateUncertain},
		{"83", channels.StateUncertain, channels.StateUncertain, channels.StateUncertain},
		{"37", channels.StateUncertain, channels.StateUncertain, channels.StateUncertain},
		{"ZZ", channels.StateUncertain, channels.StateUncertain, channels.StateUncertain},
		{"64", channels.StateWaiting, channels.StateClosed, channels.StateFailed},
		{"01", channels.StateWaiting, channels.StateClosed, channels.StateFailed},
		{"32", channels.StateWaiting, channels.StateClosed, channels.StateFailed},
		{"69", channels.StateWaiting, channels.StateClosed, channels.StateClosed},
	} {
		pairs := donePairs("origRespCode", tt.code, "origRespMsg", "no[1]", "queryId", "-", "settleAmt", "0")
		for _, scene := range fronts {
			for at, want := range map[time.Time]channels.PaymentStatus{testNow: tt.front, atLimit: tt.front, over: tt.frontOver} {
				state, _, err := queryOf(t, scene, at, pairs...)
				if err != nil || state.Status != want || state.Code != tt.code || state.Message != "no[1]" || !state.Paid.Amount.IsZero() {
					t.Errorf("%s %s: state %+v, want %v, error %v", tt.code, scene, state, want, err)
				}
			}
		}
		for _, at := range []time.Time{testNow, over} {
			if state, _, err := queryOf(t, channels.SceneBarcode, at, pairs...); err != nil || state.Status != tt.scaned {
				t.Errorf("%s barcode: state %+v, want %v, error %v", tt.code, state, tt.scaned, err)
			}
		}
	}
}

func TestQueryNotFound(t *testing.T) {
	for _, scene := range channels.Scenes()[:5] {
		state, _, err := queryOf(t, scene, testNow, "respCode", "34", "respMsg", "查无此交易[2600000]")
		if err != nil || state.Status != channels.StateNotFound || state.AttemptID != testAttempt {
			t.Errorf("%s: state %+v, error %v", scene, state, err)
		}
	}
}

// TestQueryRefused: a refused question says nothing about the order.
func TestQueryRefused(t *testing.T) {
	for code, want := range map[string]channels.Outcome{
		"11": channels.Misconfigured, "31": channels.Misconfigured, "37": channels.NotProcessed,
		"01": channels.Unknown, "05": channels.Unknown, "10": channels.Unknown, "35": channels.Unknown,
		"64": channels.Unknown, "A6": channels.Unknown, "99": channels.Unknown, "??": channels.Unknown,
	} {
		_, _, err := queryOf(t, channels.SceneWeb, testNow, donePairs("respCode", code)...)
		adaptertest.WantOutcome(t, err, want)
	}
}

// TestQueryOddAnswers are signed answers that must not be taken for "paid".
func TestQueryOddAnswers(t *testing.T) {
	for name, pairs := range map[string][]string{
		"another order":         {"orderId", testRefund},
		"another time":          {"txnTime", "20261122003004"},
		"another merchant":      {"merId", "777290058110097"},
		"a refund":              {"txnType", "04"},
		"the question":          {"txnType", "00"},
		"no result":             {"origRespCode", "-"},
		"no amount":             {"txnAmt", "-"},
		"an amount with a sign": {"txnAmt", "+8880"},
		"an amount with a dot":  {"txnAmt", "88.80"},
		"an amount too long":    {"txnAmt", "0000000008880"},
		"another currency":      {"currencyCode", "840"},
		"no currency":           {"currencyCode", "-"},
		"no queryId":            {"queryId", "-"},
	} {
		state, _, err := queryOf(t, channels.SceneWeb, testNow, donePairs(pairs...)...)
		if err == nil || channels.OutcomeOf(err) != channels.Unknown {
			t.Errorf("%s: state %+v, error %v", name, state, err)
		}
	}
	// Another amount is handed on as it stands: the core compares.
	state, _, err := queryOf(t, channels.SceneWeb, testNow, donePairs("txnAmt", "1")...)
	if err != nil || !state.Paid.Amount.Equal(adaptertest.CNY(1)) {
		t.Errorf("state %+v, error %v", state, err)
	}
}

func TestCloseIsUnsupported(t *testing.T) {
	g := answering(t)
	c := newClient(t, testConfig(g.URL))
	if res, err := c.ClosePayment(t.Context(), attempt(channels.SceneQR)); err != nil || res != channels.CloseUnsupported {
		t.Errorf("result %v, error %v", res, err)
	}
	if c.Capabilities().CanClose || len(g.requests()) != 0 {
		t.Error("there is no close call")
	}
	if _, ok := any(c).(channels.Reverser); ok {
		t.Error("an unpaid order cannot be reversed")
	}
}

func TestTraceTime(t *testing.T) {
	newYear := time.Date(2026, 12, 31, 15, 59, 58, 0, time.UTC) // 23:59:58 in Beijing
	for _, tt := range []struct {
		text string
		txn  time.Time
		want time.Time
	}{
		{"1231235959", newYear, newYear.Add(time.Second)},
		{"0101000001", newYear, newYear.Add(3 * time.Second)},
		{"1231235959", newYear.Add(5 * time.Second), newYear.Add(time.Second)},
		{"0229120000", time.Date(2028, 2, 29, 3, 0, 0, 0, time.UTC), time.Date(2028, 2, 29, 4, 0, 0, 0, time.UTC)},
		{"0229120000", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Time{}},
		{"", newYear, time.Time{}},
		{"1332000000", newYear, time.Time{}},
		{"abc", newYear, time.Time{}},
	} {
		if got := parseTraceTime(tt.text, tt.txn); !got.Equal(tt.want) {
			t.Errorf("%s near %v: %v, want %v", tt.text, tt.txn, got, tt.want)
		}
	}
}

// TestQueryWithoutLimit: an order whose limit is not told is never over.
func TestQueryWithoutLimit(t *testing.T) {
	ref := attempt(channels.SceneQR)
	ref.ExpiresAt = time.Time{}
	g := answering(t, donePairs("origRespCode", "64")...)
	state, err := newClientAt(t, testConfig(g.URL), testNow.AddDate(0, 6, 0)).QueryPayment(t.Context(), ref)
	if err != nil || state.Status != channels.StateWaiting {
		t.Errorf("state %+v, error %v", state, err)
	}
}
