package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

func viewOf(t testing.TB, body []byte) payment.View {
	t.Helper()
	var v payment.View
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return v
}

func TestCreateAnswers201Then200MarkedAsReplayed(t *testing.T) {
	h := newHarness(t)
	first := h.do(201, "POST", "/v1/payments", createBody)
	if first.Header.Get("Idempotent-Replayed") != "" {
		t.Error("the first answer is marked as replayed")
	}
	again := h.do(200, "POST", "/v1/payments", createBody)
	if again.Header.Get("Idempotent-Replayed") != "true" {
		t.Error("the repeat is not marked")
	}
	if viewOf(t, first.Body).ID != viewOf(t, again.Body).ID || h.core.creates != 1 {
		t.Error("the repeat made another payment")
	}
	if !strings.Contains(string(first.Body), `https://qr.test/?a=1&b=<2>`) {
		t.Errorf("links are escaped: %s", first.Body)
	}
	other := strings.Replace(createBody, "8800", "8801", 1)
	p := h.do(409, "POST", "/v1/payments", other)
	if problemOf(t, p.Status, p.Header, p.Body).Code != payment.CodeOrderConflict {
		t.Errorf("%s", p.Body)
	}
}

func TestCreateAnswers202WhileProcessing(t *testing.T) {
	h := newHarness(t)
	h.core.change(func(c *fakeCore) { c.status, c.action = payment.Processing, nil })
	h.do(202, "POST", "/v1/payments", createBody)
	again := h.do(202, "POST", "/v1/payments", createBody)
	if again.Header.Get("Idempotent-Replayed") != "true" {
		t.Error("the repeat is not marked")
	}
}

func TestAChannelsOwnNoIs201Failed(t *testing.T) {
	h := newHarness(t)
	h.core.change(func(c *fakeCore) { c.status = payment.Failed })
	v := viewOf(t, h.do(201, "POST", "/v1/payments", createBody).Body)
	if v.Status != payment.Failed || v.Failure == nil || v.Failure.ChannelCode != "X" || v.Action != nil {
		t.Errorf("%+v", v)
	}
}

// TestARepeatIsNotJudgedByItsLimit: the limit that was in bounds when the order
// was created has come near; the same request must still be answered.
func TestARepeatIsNotJudgedByItsLimit(t *testing.T) {
	h := newHarness(t)
	body := strings.Replace(createBody, `"scene"`, `"expires_at":"2025-11-21T12:10:00+08:00","scene"`, 1)
	h.do(201, "POST", "/v1/payments", body)
	h.advance(9 * time.Minute)
	h.do(200, "POST", "/v1/payments", body)
	h.do(400, "POST", "/v1/payments", strings.Replace(body, "A-1", "A-2", 1))
}

func TestRefusalsOfTheCoreBecomeTheTablesAnswers(t *testing.T) {
	h := newHarness(t)
	for _, info := range Codes() {
		h.core.change(func(c *fakeCore) { c.err = &payment.Error{Code: info.Code, Message: "as the core says"} })
		a := h.do(info.Status, "POST", "/v1/payments", createBody)
		if p := problemOf(t, a.Status, a.Header, a.Body); p.Code != info.Code || p.Detail != "as the core says" || p.Title != info.Title {
			t.Errorf("%s: %s", info.Code, a.Body)
		}
	}
}

func TestWhatIsNotKnownIsA500ThatTellsNothing(t *testing.T) {
	h := newHarness(t)
	for _, err := range []error{
		fmt.Errorf("insert payment: Error 1054 secret-canary"),
		&payment.Error{Code: "made_up", Message: "secret-canary"},
	} {
		h.core.change(func(c *fakeCore) { c.err = err })
		a := h.do(500, "POST", "/v1/payments", createBody)
		if p := problemOf(t, a.Status, a.Header, a.Body); p.Code != CodeInternal || strings.Contains(string(a.Body), "canary") {
			t.Errorf("%s", a.Body)
		}
	}
	if !strings.Contains(h.log.String(), "secret-canary") {
		t.Error("the cause is not logged")
	}
}

func TestAnUnreachableDatabaseIs503(t *testing.T) {
	h := newHarness(t)
	for _, err := range []error{
		fmt.Errorf("begin: %w", payment.ErrUnavailable),
		&payment.Error{Code: payment.CodeTemporarilyUnable, Message: "x", Err: payment.ErrUnavailable},
	} {
		h.core.change(func(c *fakeCore) { c.err = err })
		a := h.do(503, "GET", "/v1/payments/01CORE", "")
		if p := problemOf(t, a.Status, a.Header, a.Body); p.Code != payment.CodeTemporarilyUnable {
			t.Errorf("%s", a.Body)
		}
		if a.Header.Get("Retry-After") != "2" {
			t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
		}
	}
}

func TestKnownFieldsThatTheSceneDoesNotUseAreIgnored(t *testing.T) {
	h := newHarness(t)
	h.do(201, "POST", "/v1/payments", strings.TrimSuffix(createBody, "}")+`,"auth_code":"letters","client_ip":"nowhere","return_url":"nowhere"}`)
}

func TestAMerchantSeesOnlyItsOwn(t *testing.T) {
	h := newHarness(t)
	id := viewOf(t, h.do(201, "POST", "/v1/payments", createBody).Body).ID
	h.do(200, "GET", "/v1/payments/"+id, "")
	theirs := h.clientOf(rival, keysOnce().other)
	for _, rq := range [][2]string{{"GET", "/v1/payments/" + id}, {"POST", "/v1/payments/" + id + "/close"}, {"GET", "/v1/events/" + h.events.events[0].ID}, {"POST", "/v1/events/" + h.events.events[0].ID + "/resend"}} {
		a, err := theirs.Do(t.Context(), rq[0], rq[1], nil)
		if err != nil || a.Status != 404 || !a.Signed {
			t.Errorf("%v: %v %+v", rq, err, a)
		}
	}
	a, err := theirs.Do(t.Context(), "POST", "/v1/refunds", []byte(`{"merchant_refund_no":"R","payment_id":"`+id+`","amount":1}`))
	if err != nil || a.Status != 404 {
		t.Errorf("%v %+v", err, a)
	}
	a, err = theirs.Do(t.Context(), "GET", "/v1/payments?merchant_order_no=A-1", nil)
	if err != nil || string(a.Body) != `{"data":[],"next_cursor":null}`+"\n" {
		t.Errorf("%v %s", err, a.Body)
	}
}

func TestStrangeIdsAreNotFound(t *testing.T) {
	h := newHarness(t)
	for _, id := range []string{"x", "%2e%2e", "a%2Fb", "%00", "a%20b", "%E4%BD%A0", strings.Repeat("x", 65), "*", "'%20OR%201=1"} {
		for _, list := range []string{"payments", "refunds", "events"} {
			h.do(404, "GET", "/v1/"+list+"/"+id, "")
		}
	}
}

func TestCloseTakesNothing(t *testing.T) {
	h := newHarness(t)
	for i, tt := range []struct {
		body   string
		status int
		fields string
	}{
		{"", 200, ""},
		{"{}", 200, ""},
		{" {\n} ", 200, ""},
		{"null", 400, ""},
		{"[]", 400, ""},
		{"{}{}", 400, ""},
		{" ", 400, ""},
		{`{"reason":"x"}`, 400, "reason"},
	} {
		id := viewOf(t, h.do(201, "POST", "/v1/payments", orderBody(fmt.Sprintf("C-%d", i))).Body).ID
		a := h.do(tt.status, "POST", "/v1/payments/"+id+"/close", tt.body)
		if tt.status == 400 {
			if p := problemOf(t, a.Status, a.Header, a.Body); fieldsOf(p) != tt.fields {
				t.Errorf("%q: %s", tt.body, a.Body)
			}
			continue
		}
		if viewOf(t, a.Body).Status != payment.Closed {
			t.Errorf("%q: %s", tt.body, a.Body)
		}
		h.do(200, "POST", "/v1/payments/"+id+"/close", tt.body)
	}
}

func TestCloseAnswersByWhatIsSettled(t *testing.T) {
	h := newHarness(t)
	for status, want := range map[payment.Status]int{payment.Processing: 202, payment.Succeeded: 409, payment.Failed: 409} {
		h.core.change(func(c *fakeCore) { c.status = status })
		body := orderBody("S-" + string(status))
		a, err := h.client().Do(t.Context(), "POST", "/v1/payments", []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		h.do(want, "POST", "/v1/payments/"+viewOf(t, a.Body).ID+"/close", "")
	}
}

func TestListsArePagedNewestFirst(t *testing.T) {
	h := newHarness(t)
	const n = 7
	for i := range n {
		h.do(201, "POST", "/v1/payments", orderBody(fmt.Sprintf("L-%d", i)))
		if i%2 == 0 { // some share their millisecond
			h.advance(time.Second)
		}
	}
	var got []string
	target := "/v1/payments?limit=3"
	for pages := 0; ; pages++ {
		if pages > n {
			t.Fatal("the pages do not end")
		}
		var p struct {
			Data []payment.View `json:"data"`
			Next *string        `json:"next_cursor"`
		}
		if err := json.Unmarshal(h.do(200, "GET", target, "").Body, &p); err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Data {
			got = append(got, v.MerchantOrderNo)
			if len(v.Attempts) != 1 {
				t.Errorf("items are not in full form: %+v", v)
			}
		}
		if p.Next == nil {
			break
		}
		target = "/v1/payments?limit=3&cursor=" + *p.Next
	}
	want := []string{"L-6", "L-5", "L-4", "L-3", "L-2", "L-1", "L-0"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// A page that ends exactly with the last item has no next one.
	var p page[payment.View]
	if err := json.Unmarshal(h.do(200, "GET", "/v1/payments?limit=7", "").Body, &p); err != nil || p.NextCursor != nil || len(p.Data) != n {
		t.Errorf("%v %v %d", err, p.NextCursor, len(p.Data))
	}
}

func TestListsFilter(t *testing.T) {
	h := newHarness(t)
	h.do(201, "POST", "/v1/payments", orderBody("F-1"))
	h.advance(time.Hour)
	h.do(201, "POST", "/v1/payments", orderBody("f-1"))
	for query, want := range map[string]int{
		"merchant_order_no=F-1": 1, "merchant_order_no=F-2": 0, "status=pending": 2, "status=closed": 0,
		"created_from=" + url.QueryEscape("2025-11-21T12:30:00+08:00"): 1,
		"created_from=2025-11-21T12:30:00+08:00":                       1,
		"created_to=2025-11-21T04:30:00Z":                              1,
		"customer_id=%E5%AE%A2%E4%BA%BA":                               0,
	} {
		var p page[payment.View]
		if err := json.Unmarshal(h.do(200, "GET", "/v1/payments?"+query, "").Body, &p); err != nil || len(p.Data) != want {
			t.Errorf("%s: %d items, want %d (%v)", query, len(p.Data), want, err)
		}
	}
}

func TestBadQueriesAreRefusedByName(t *testing.T) {
	h := newHarness(t)
	refunds := formatCursor(listRefunds, position{h.now(), "01CORE"})
	for _, tt := range []struct{ target, fields string }{
		{"/v1/payments?foo=1", "foo"},
		{"/v1/payments?Limit=1", "Limit"},
		{"/v1/payments?b=1&a=2&limit=0", "limit a b"},
		{"/v1/payments?limit=101", "limit"},
		{"/v1/payments?limit=-1", "limit"},
		{"/v1/payments?limit=1.0", "limit"},
		{"/v1/payments?limit=01", "limit"},
		{"/v1/payments?limit=%201", "limit"},
		{"/v1/payments?limit=", "limit"},
		{"/v1/payments?limit", "limit"},
		{"/v1/payments?limit=99999999999999999999", "limit"},
		{"/v1/payments?limit=1&limit=1", "limit"},
		{"/v1/payments?status=pending&status=closed", "status"},
		{"/v1/payments?status=unsent", "status"},
		{"/v1/payments?status=", "status"},
		{"/v1/payments?channel=stripe", "channel"},
		{"/v1/payments?merchant_order_no=a%20b", "merchant_order_no"},
		{"/v1/payments?merchant_order_no=", "merchant_order_no"},
		{"/v1/payments?customer_id=%00", "customer_id"},
		{"/v1/payments?customer_id=%ff", "customer_id"},
		{"/v1/payments?customer_id=" + strings.Repeat("x", 65), "customer_id"},
		{"/v1/payments?created_from=2025-11-21", "created_from"},
		{"/v1/payments?created_from=2025-11-21T04:00:00", "created_from"},
		{"/v1/payments?created_to=yesterday&created_from=1763700000", "created_from created_to"},
		{"/v1/payments?cursor=", "cursor"},
		{"/v1/payments?cursor=AAAA", "cursor"},
		{"/v1/payments?cursor=" + refunds, "cursor"},
		{"/v1/payments?cursor=" + refunds + "A", "cursor"},
		{"/v1/refunds?merchant_order_no=A", "merchant_order_no"},
		{"/v1/refunds?status=closed", "status"},
		{"/v1/events?type=payment.exploded", "type"},
		{"/v1/events?status=lost", "status"},
		{"/v1/channels?limit=1", "limit"},
		{"/v1/payments/01CORE?expand=attempts", "expand"},
		{"/v1/payments?%ff=1", "\uFFFD"},
		{"/v1/payments?a=%zz", ""},
		{"/v1/payments?limit=1;status=closed", ""},
	} {
		// The client would normalise some of these; what counts is the bytes sent.
		s := h.signature("GET", tt.target, "")
		w := h.send(s.request())
		if w.Code != 400 {
			t.Errorf("%s: %d %s", tt.target, w.Code, w.Body)
			continue
		}
		if p := problemOf(t, w.Code, w.Header(), w.Body.Bytes()); fieldsOf(p) != tt.fields {
			t.Errorf("%s: fields %q, want %q", tt.target, fieldsOf(p), tt.fields)
		}
		if err := h.verify(w, s.nonce); err != nil {
			t.Errorf("%s: %v", tt.target, err)
		}
	}
}

func TestExplainAsksForWhatRoutingNeedsOnly(t *testing.T) {
	h := newHarness(t)
	h.core.change(func(c *fakeCore) {
		c.decision = channels.Decision{Strategy: "weight", Rule: "big ones", Candidates: []channels.Candidate{
			{AccountID: "acc_1", Channel: "alipay", Chosen: true, Reason: "weight 100 of 100", Weight: 100},
			{AccountID: "acc_2", Channel: "unionpay", Rejection: channels.RejectedBreaker, Reason: "its breaker is open"},
		}}
	})
	for _, body := range []string{
		`{"amount":1,"scene":"qr"}`, `{"amount":1,"scene":"h5"}`, `{"amount":1,"scene":"jsapi","channel":"alipay"}`,
		`{"amount":1,"scene":"barcode","auth_code":"288412621343841260"}`, createBody,
	} {
		a := h.do(200, "POST", "/v1/routes/explain", body)
		var e explanation
		if err := json.Unmarshal(a.Body, &e); err != nil || e.Chosen == nil || e.Chosen.AccountID != "acc_1" || len(e.Candidates) != 2 || *e.Rule != "big ones" {
			t.Errorf("%s: %s (%v)", body, a.Body, err)
		}
	}
	for body, fields := range map[string]string{
		`{}`:                                     "amount scene",
		`{"amount":1,"scene":"jsapi"}`:           "channel",
		`{"amount":1,"scene":"barcode"}`:         "auth_code",
		`{"amount":1,"scene":"qr","subject":1}`:  "subject",
		`{"amount":1,"scene":"qr","subject":""}`: "-",
	} {
		if fields == "-" {
			h.do(200, "POST", "/v1/routes/explain", body)
			continue
		}
		a := h.do(400, "POST", "/v1/routes/explain", body)
		if p := problemOf(t, a.Status, a.Header, a.Body); fieldsOf(p) != fields {
			t.Errorf("%s: %s", body, a.Body)
		}
	}
	h.core.change(func(c *fakeCore) { c.decision = channels.Decision{Strategy: "weight"} })
	if a := h.do(200, "POST", "/v1/routes/explain", `{"amount":1,"scene":"qr"}`); string(a.Body) != `{"chosen":null,"candidates":[],"rule":null,"strategy":"weight"}`+"\n" {
		t.Errorf("%s", a.Body)
	}
	if h.core.creates != 0 {
		t.Error("a question made a payment")
	}
}

func TestRefundsAnswerLikePayments(t *testing.T) {
	h := newHarness(t)
	id := viewOf(t, h.do(201, "POST", "/v1/payments", createBody).Body).ID
	body := `{"merchant_refund_no":"R-1","payment_id":"` + id + `","amount":100,"reason":"one less"}`
	var v payment.RefundView
	if err := json.Unmarshal(h.do(201, "POST", "/v1/refunds", body).Body, &v); err != nil || v.Amount != 100 {
		t.Fatal(err, v)
	}
	if again := h.do(200, "POST", "/v1/refunds", body); again.Header.Get("Idempotent-Replayed") != "true" {
		t.Error("the repeat is not marked")
	}
	h.do(409, "POST", "/v1/refunds", strings.Replace(body, "100", "101", 1))
	h.do(200, "GET", "/v1/refunds/"+v.ID, "")
	if a := h.do(200, "GET", "/v1/refunds?merchant_refund_no=R-1", ""); !strings.Contains(string(a.Body), v.ID) {
		t.Errorf("%s", a.Body)
	}
	h.core.change(func(c *fakeCore) { c.refundStatus = payment.RefundProcessing })
	body = strings.Replace(body, "R-1", "R-2", 1)
	h.do(202, "POST", "/v1/refunds", body)
	h.do(202, "POST", "/v1/refunds", body)
	h.core.change(func(c *fakeCore) { c.refundStatus = payment.RefundPending })
	h.do(201, "POST", "/v1/refunds", strings.Replace(body, "R-2", "R-3", 1))
	a := h.do(400, "POST", "/v1/refunds", `{"merchant_refund_no":"R 4","amount":"1","Reason":"x"}`)
	if p := problemOf(t, a.Status, a.Header, a.Body); fieldsOf(p) != "amount Reason merchant_refund_no payment_id" {
		t.Errorf("%s", fieldsOf(p))
	}
}

func TestEventsAndEndpoints(t *testing.T) {
	h := newHarness(t)
	id := h.events.events[1].ID
	var list page[EventView]
	if err := json.Unmarshal(h.do(200, "GET", "/v1/events?limit=1", "").Body, &list); err != nil || len(list.Data) != 1 || list.NextCursor == nil {
		t.Fatal(err, list)
	}
	if err := json.Unmarshal(h.do(200, "GET", "/v1/events?limit=1&cursor="+*list.NextCursor, "").Body, &list); err != nil || list.Data[0].ID != id || list.NextCursor != nil {
		t.Fatal(err, list)
	}
	if a := h.do(200, "GET", "/v1/events/"+id, ""); !strings.Contains(string(a.Body), `"http_status":502`) {
		t.Errorf("%s", a.Body)
	}
	h.do(202, "POST", "/v1/events/"+id+"/resend", "")
	h.do(400, "POST", "/v1/events/"+id+"/resend", `{"x":1}`)
	h.do(404, "POST", "/v1/events/nothing/resend", "")
	h.do(200, "POST", "/v1/webhook-endpoints/enable", `{"url":"https://shop.test/hook?a=b"}`)
	for _, body := range []string{`{}`, `{"url":"ftp://shop.test"}`, `{"url":"https://"}`, `{"url":7}`, `{"URL":"https://shop.test"}`, ""} {
		h.do(400, "POST", "/v1/webhook-endpoints/enable", body)
	}
	if len(h.events.enabled) != 1 || h.events.enabled[0] != "https://shop.test/hook?a=b" {
		t.Errorf("%v", h.events.enabled)
	}
}

func TestChannels(t *testing.T) {
	h := newHarness(t)
	a := h.do(200, "GET", "/v1/channels", "")
	for _, want := range []string{`"breaker":"closed"`, `"breaker":"half_open"`, `"success_rate":null`, `"scenes":[]`, `"max_amount":5000000`} {
		if !strings.Contains(string(a.Body), want) {
			t.Errorf("%s is not in %s", want, a.Body)
		}
	}
}

func TestProblemsSpeakChineseOnRequest(t *testing.T) {
	h := newHarness(t)
	for accept, want := range map[string]string{
		"":                           codeInfo(payment.CodeNotFound).Title,
		"en-US,zh;q=0.5":             codeInfo(payment.CodeNotFound).Title,
		"zh-CN,zh;q=0.9,en;q=0.8":    codeInfo(payment.CodeNotFound).TitleZH,
		"en;q=0.1, zh-Hant-TW;q=0.9": codeInfo(payment.CodeNotFound).TitleZH,
		"fr, de":                     codeInfo(payment.CodeNotFound).Title,
		";;;q=x":                     codeInfo(payment.CodeNotFound).Title,
	} {
		s := h.signature("GET", "/v1/nowhere", "").request()
		s.header = http.Header{"Accept-Language": {accept}}
		w := h.send(s)
		if p := problemOf(t, w.Code, w.Header(), w.Body.Bytes()); p.Title != want {
			t.Errorf("%q: %s", accept, p.Title)
		}
	}
}
