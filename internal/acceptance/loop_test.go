package acceptance

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestClosedLoopInEveryScene(t *testing.T) {
	t.Parallel()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", t.TempDir())
	offered := p.merchant().call(http.MethodGet, "/v1/channels", nil, http.StatusOK)
	for _, c := range list(offered["data"]) {
		channel := c.text("channel")
		scenes, _ := c["scenes"].([]any)
		for _, scene := range scenes {
			scene, _ := scene.(string)
			t.Run(channel+" "+scene, func(t *testing.T) { closedLoop(t, newMerchant(t, p.ready), channel, scene) })
		}
	}
}

func list(v any) []object {
	items, _ := v.([]any)
	out := make([]object, len(items))
	for i, item := range items {
		out[i], _ = item.(map[string]any)
	}
	return out
}

// closedLoop pays, refunds in two parts and compares the books.
func closedLoop(t *testing.T, m *merchant, channel, scene string) {
	t.Helper()
	no := "loop-" + channel + "-" + scene
	created := m.call(http.MethodPost, "/v1/payments", m.orderAt(channel, no, scene, 1000), http.StatusCreated)
	if scene != "barcode" {
		if created.text("status") != "pending" {
			t.Fatalf("created: %v", created)
		}
		m.pay(created["action"])
	}
	paid := m.await(created.text("id"), "succeeded")
	m.awaitEvent("payment.succeeded", created.text("id"))
	for i, part := range []int64{300, 700} {
		status, r, err := m.try(http.MethodPost, "/v1/refunds", object{
			"merchant_refund_no": fmt.Sprintf("%s-%d", no, i), "payment_id": created.text("id"), "amount": part,
		})
		if err != nil || (status != http.StatusCreated && status != http.StatusAccepted) {
			t.Fatalf("a refund was answered %d: %v %v", status, r, err)
		}
		m.awaitThat("the refund", "/v1/refunds/"+r.text("id"), func(o object) bool { return o.text("status") == "succeeded" })
	}
	m.call(http.MethodPost, "/v1/refunds", object{
		"merchant_refund_no": no + "-over", "payment_id": created.text("id"), "amount": 1,
	}, http.StatusUnprocessableEntity)
	after := m.call(http.MethodGet, "/v1/payments/"+created.text("id"), nil, http.StatusOK)
	if after.number("refunded_amount") != 1000 || after.text("status") != "succeeded" {
		t.Errorf("after two refunds: %v", after)
	}
	books := m.books(paid.attemptID())
	if books.text("status") != "paid" || books.number("times_paid") != 1 || books.number("amount") != 1000 || returned(books) != 1000 {
		t.Errorf("the channel's books: %v", books)
	}
	if books.text("channel_trade_no") != after.text("channel_trade_no") {
		t.Errorf("trade numbers differ: %v, %v", books["channel_trade_no"], after["channel_trade_no"])
	}
}

// returned sums up the refunds that the channel has made.
func returned(books object) int64 {
	var sum int64
	refunds, _ := books["refunds"].([]any)
	for _, r := range refunds {
		r, _ := r.(map[string]any)
		if object(r).text("status") == "succeeded" {
			sum += object(r).number("amount")
		}
	}
	return sum
}

func TestManyCreatesOfOneOrderChargeOnce(t *testing.T) {
	t.Parallel()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", t.TempDir())
	m := p.merchant()
	const callers = 64
	ids := make([]string, callers)
	statuses := make([]int, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			status, o, err := m.try(http.MethodPost, "/v1/payments", m.order("same-order", "barcode", 5000))
			if err != nil {
				t.Error(err)
				return
			}
			ids[i], statuses[i] = o.text("id"), status
		})
	}
	wg.Wait()
	created := 0
	for i := range callers {
		if ids[i] == "" || ids[i] != ids[0] {
			t.Errorf("caller %d got payment %q, caller 0 got %q (status %d)", i, ids[i], ids[0], statuses[i])
		}
		if statuses[i] == http.StatusCreated {
			created++
		}
	}
	if created > 1 {
		t.Errorf("%d callers were told 201", created)
	}
	paid := m.await(ids[0], "succeeded")
	if books := m.books(paid.attemptID()); books.number("times_paid") != 1 {
		t.Errorf("charged %d times", books.number("times_paid"))
	}
	if all := m.control(http.MethodGet, "/_control/trades?channel=alipay", object{}, 0); len(all["data"].([]any)) != 1 {
		t.Errorf("the channel holds %d orders for one order", len(all["data"].([]any)))
	}
}

func TestManyRefundsNeverExceedWhatWasPaid(t *testing.T) {
	t.Parallel()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", t.TempDir())
	m := p.merchant()
	created := m.call(http.MethodPost, "/v1/payments", m.order("refund-race", "barcode", 1000), http.StatusCreated)
	m.await(created.text("id"), "succeeded")
	var mu sync.Mutex
	answers := map[int]int{}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			status, o, err := m.try(http.MethodPost, "/v1/refunds", object{
				"merchant_refund_no": fmt.Sprintf("race-%d", i), "payment_id": created.text("id"), "amount": 300,
			})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			answers[status]++
			if status == http.StatusUnprocessableEntity && o.text("code") != "amount_exceeds_refundable" {
				t.Errorf("refused with %v", o)
			}
		})
	}
	wg.Wait()
	if answers[http.StatusCreated]+answers[http.StatusAccepted] != 3 {
		t.Errorf("answers by status: %v, want 3 refunds taken", answers)
	}
	after := m.awaitThat("three refunds", "/v1/payments/"+created.text("id"), func(o object) bool { return o.number("refunded_amount") == 900 })
	if got := returned(m.books(after.attemptID())); got != 900 {
		t.Errorf("the channel returned %d", got)
	}
}

func TestNothingIsLostByKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", dir)
	m := p.merchant()
	waiting := m.call(http.MethodPost, "/v1/payments", m.order("kill-waiting", "qr", 700), http.StatusCreated)
	paid := m.call(http.MethodPost, "/v1/payments", m.order("kill-paid", "barcode", 800), http.StatusCreated)
	m.await(paid.text("id"), "succeeded")
	first := p.ready
	p.kill()
	p = serve(t, "--listen", "127.0.0.1:0", "--data", dir)
	if p.ready != first {
		t.Errorf("ready line changed by a restart:\n%+v\n%+v", first, p.ready)
	}
	m2 := p.merchant()
	if got := m2.call(http.MethodGet, "/v1/payments/"+paid.text("id"), nil, http.StatusOK); got.text("status") != "succeeded" {
		t.Errorf("the paid one is %v", got)
	}
	again := m.order("kill-waiting", "qr", 700)
	if got := m2.call(http.MethodPost, "/v1/payments", again, http.StatusOK); got.text("id") != waiting.text("id") {
		t.Errorf("the repeat made %v", got)
	}
	m2.pay(waiting["action"])
	m2.await(waiting.text("id"), "succeeded")
	m.awaitEvent("payment.succeeded", waiting.text("id"))
	if code := p.stop(); code != 0 {
		t.Errorf("serve ended with %d on SIGTERM", code)
	}
}

func TestUnknownOutcomesAreSettledByAsking(t *testing.T) {
	t.Parallel()
	faults := []struct {
		name  string
		fault object
		scene string
		want  string
	}{
		{"hang before, qr", object{"operation": "pay", "kind": "hang_before", "count": 1}, "qr", "pending"},
		{"hang after, qr", object{"operation": "pay", "kind": "hang_after", "count": 1}, "qr", "pending"},
		{"hang after, barcode", object{"operation": "pay", "kind": "hang_after", "count": 1}, "barcode", "succeeded"},
		{"reset after, barcode", object{"operation": "pay", "kind": "reset_after", "count": 1}, "barcode", "succeeded"},
		{"http 500, qr", object{"operation": "pay", "kind": "http_500", "count": 1}, "qr", "pending"},
		{"html, qr", object{"operation": "pay", "kind": "html_502", "count": 1}, "qr", "pending"},
		{"busy before, qr", object{"operation": "pay", "kind": "system_error", "effect": "before", "count": 1}, "qr", "pending"},
		{"busy after, barcode", object{"operation": "pay", "kind": "system_error", "effect": "after", "count": 1}, "barcode", "succeeded"},
		{"bad signature, barcode", object{"operation": "pay", "kind": "bad_signature", "count": 1}, "barcode", "succeeded"},
		{"unsigned, qr", object{"operation": "pay", "kind": "unsigned", "count": 1}, "qr", "pending"},
		{"wrong amount, barcode", object{"operation": "pay", "kind": "wrong_amount", "count": 1}, "barcode", "succeeded"},
		{"wrong id, qr", object{"operation": "pay", "kind": "wrong_id", "count": 1}, "qr", "pending"},
	}
	p := serve(t, "--listen", "127.0.0.1:0", "--data", t.TempDir())
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			m := newMerchant(t, p.ready)
			// Without callbacks only asking can settle it.
			m.control(http.MethodPost, "/_control/notifications", object{"channel": "alipay", "drop_rate": 1}, 0)
			m.fault(f.fault)
			created := m.call(http.MethodPost, "/v1/payments", m.order(fmt.Sprintf("unknown-%d", i), f.scene, 2000), http.StatusAccepted)
			if created.text("status") != "processing" {
				t.Fatalf("an unknown outcome was answered as %v", created)
			}
			m.faultsEnd()
			settled := m.await(created.text("id"), f.want)
			if f.want == "pending" {
				if settled["action"] == nil {
					t.Fatalf("pending without action: %v", settled)
				}
				m.pay(settled["action"])
				settled = m.await(created.text("id"), "succeeded")
			}
			if books := m.books(settled.attemptID()); books.number("times_paid") != 1 {
				t.Errorf("charged %d times", books.number("times_paid"))
			}
			if n := len(settled["attempts"].([]any)); n != 1 {
				t.Errorf("%d attempts while the first was unknown", n)
			}
		})
	}
}

func TestMagicAmounts(t *testing.T) {
	t.Parallel()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", t.TempDir())
	t.Run("9001 declined", func(t *testing.T) {
		m := newMerchant(t, p.ready)
		o := m.call(http.MethodPost, "/v1/payments", m.order("magic-9001", "qr", 19001), http.StatusCreated)
		if o.text("status") != "failed" || o["failure"] == nil {
			t.Errorf("%v", o)
		}
		m.awaitEvent("payment.failed", o.text("id"))
	})
	for _, amount := range []int64{9002, 9003, 9004, 9005} {
		t.Run(fmt.Sprint(amount), func(t *testing.T) {
			m := newMerchant(t, p.ready)
			o := m.call(http.MethodPost, "/v1/payments", m.order(fmt.Sprintf("magic-%d", amount), "qr", 10000+amount), http.StatusAccepted)
			pending := m.await(o.text("id"), "pending")
			m.pay(pending["action"])
			m.await(o.text("id"), "succeeded")
		})
	}
	t.Run("9006 password asked", func(t *testing.T) {
		m := newMerchant(t, p.ready)
		o := m.call(http.MethodPost, "/v1/payments", m.order("magic-9006", "barcode", 19006), http.StatusCreated)
		if o.text("status") != "pending" || o["action"] != nil {
			t.Errorf("%v", o)
		}
		m.control(http.MethodPost, "/_control/trades/"+o.attemptID()+"/pay", object{}, 0)
		m.await(o.text("id"), "succeeded")
	})
	t.Run("9007 refund fails", func(t *testing.T) {
		m := newMerchant(t, p.ready)
		o := m.call(http.MethodPost, "/v1/payments", m.order("magic-9007", "barcode", 19007), http.StatusCreated)
		m.await(o.text("id"), "succeeded")
		r := m.call(http.MethodPost, "/v1/refunds", object{"merchant_refund_no": "magic-9007", "payment_id": o.text("id"), "amount": 10}, http.StatusCreated)
		m.awaitThat("the refund to fail", "/v1/refunds/"+r.text("id"), func(o object) bool { return o.text("status") == "failed" })
		m.awaitThat("its reservation to be free", "/v1/payments/"+o.text("id"), func(o object) bool { return o.number("refunded_amount") == 0 })
	})
	t.Run("9008 callback lost", func(t *testing.T) {
		m := newMerchant(t, p.ready)
		o := m.call(http.MethodPost, "/v1/payments", m.order("magic-9008", "qr", 19008), http.StatusCreated)
		m.pay(o["action"])
		m.await(o.text("id"), "succeeded")
	})
	t.Run("9009 callback twice", func(t *testing.T) {
		m := newMerchant(t, p.ready)
		o := m.call(http.MethodPost, "/v1/payments", m.order("magic-9009", "qr", 19009), http.StatusCreated)
		m.pay(o["action"])
		m.await(o.text("id"), "succeeded")
		m.awaitEvent("payment.succeeded", o.text("id"))
		if n := m.hook.count("payment.succeeded", o.text("id")); n != 1 {
			t.Errorf("%d events for one success", n)
		}
	})
}

func TestRefusedConnectionSendsNothing(t *testing.T) {
	t.Parallel()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", t.TempDir())
	m := p.merchant()
	m.fault(object{"kind": "refuse_connection"})
	body := m.order("refused", "qr", 1200)
	o := m.call(http.MethodPost, "/v1/payments", body, http.StatusServiceUnavailable)
	if o.text("code") != "no_channel_available" {
		t.Fatalf("%v", o)
	}
	if list := m.call(http.MethodGet, "/v1/payments?merchant_order_no=refused", nil, http.StatusOK); len(list["data"].([]any)) != 0 {
		t.Errorf("a payment is shown although nothing was sent: %v", list)
	}
	m.faultsEnd()
	body["amount"] = 1300
	var created object
	deadline := time.Now().Add(patience)
	for created == nil && time.Now().Before(deadline) {
		status, o, err := m.try(http.MethodPost, "/v1/payments", body)
		if err != nil {
			t.Fatal(err)
		}
		if status == http.StatusCreated {
			created = o
		}
	}
	if created.number("amount") != 1300 {
		t.Fatalf("the order was not tried anew: %v", created)
	}
	m.pay(created["action"])
	m.await(created.text("id"), "succeeded")
}

func TestClosing(t *testing.T) {
	t.Parallel()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", t.TempDir())
	t.Run("before the code is scanned, then paid: the money goes back", func(t *testing.T) {
		m := newMerchant(t, p.ready)
		o := m.call(http.MethodPost, "/v1/payments", m.order("close-late", "qr", 1500), http.StatusCreated)
		closed := m.call(http.MethodPost, "/v1/payments/"+o.text("id")+"/close", object{}, http.StatusOK)
		if closed.text("status") != "closed" || closed["late_until"] == nil {
			t.Fatalf("%v", closed)
		}
		m.awaitEvent("payment.closed", o.text("id"))
		m.pay(o["action"])
		m.awaitThat("the late money to be returned", "/v1/payments/"+o.text("id"), func(o object) bool { return o.number("refunded_amount") == 1500 })
		after := m.call(http.MethodGet, "/v1/payments/"+o.text("id"), nil, http.StatusOK)
		if after.text("status") != "closed" {
			t.Errorf("the status moved: %v", after)
		}
		if got := returned(m.books(after.attemptID())); got != 1500 {
			t.Errorf("the channel returned %d", got)
		}
	})
	t.Run("a scanned code is closed for good", func(t *testing.T) {
		m := newMerchant(t, p.ready)
		o := m.call(http.MethodPost, "/v1/payments", m.order("close-scanned", "qr", 1600), http.StatusCreated)
		res, err := http.Get(o["action"].(map[string]any)["code_url"].(string)) //nolint:noctx // a payer's browser
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		closed := m.call(http.MethodPost, "/v1/payments/"+o.text("id")+"/close", nil, http.StatusOK)
		if closed.text("status") != "closed" || closed["late_until"] != nil {
			t.Fatalf("%v", closed)
		}
		m.call(http.MethodPost, "/v1/payments/"+o.text("id")+"/close", object{}, http.StatusOK)
		if status := m.books(closed.attemptID()).text("status"); status != "closed" {
			t.Errorf("at the channel it is %s", status)
		}
	})
	t.Run("a paid one cannot be closed", func(t *testing.T) {
		m := newMerchant(t, p.ready)
		o := m.call(http.MethodPost, "/v1/payments", m.order("close-paid", "barcode", 1700), http.StatusCreated)
		m.await(o.text("id"), "succeeded")
		if got := m.call(http.MethodPost, "/v1/payments/"+o.text("id")+"/close", object{}, http.StatusConflict); got.text("code") != "status_conflict" {
			t.Errorf("%v", got)
		}
	})
}

func TestForgedAndDisagreeingCallbacksChangeNothing(t *testing.T) {
	t.Parallel()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", t.TempDir())
	m := p.merchant()
	o := m.call(http.MethodPost, "/v1/payments", m.order("forged", "qr", 1800), http.StatusCreated)
	account := o.text("account_id")
	form := "app_id=x&out_trade_no=" + o.attemptID() + "&total_amount=18.00&trade_status=TRADE_SUCCESS&sign_type=RSA2&sign=AAAA"
	for range 20 {
		res, err := http.Post(p.ready.API+"/notify/alipay/"+account, "application/x-www-form-urlencoded", strings.NewReader(form)) //nolint:noctx // a stranger's client
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	if got := m.call(http.MethodGet, "/v1/payments/"+o.text("id"), nil, http.StatusOK); got.text("status") != "pending" {
		t.Fatalf("a forged callback moved the payment: %v", got)
	}
	res, err := http.Post(p.ready.API+"/notify/alipay/acc_unknown", "application/x-www-form-urlencoded", strings.NewReader(form)) //nolint:noctx // a stranger's client
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown account was answered %d", res.StatusCode)
	}
	m.control(http.MethodPost, "/_control/notifications", object{"channel": "alipay", "duplicate": 19, "shuffle": true, "forge": true}, 0)
	m.pay(o["action"])
	m.await(o.text("id"), "succeeded")
	m.awaitEvent("payment.succeeded", o.text("id"))
	if n := m.hook.count("payment.succeeded", o.text("id")); n != 1 {
		t.Errorf("%d events for one success", n)
	}
}
