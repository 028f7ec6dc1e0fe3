package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/payment"
)

// serving runs the embedded default on a console's folder until the test ends.
func serving(t *testing.T) (console, app.Profile) {
	t.Helper()
	c := newConsole(t)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan app.Profile, 1), make(chan error, 1)
	go func() {
		ended <- app.Serving{
			Source: app.Source{DataDir: c.data}, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler), Now: time.Now,
			Ready: func(p app.Profile) error { ready <- p; return nil },
		}.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case p := <-ready:
		return c, p
	case err := <-ended:
		ended <- nil
		t.Fatalf("serve ended: %v", err)
		return c, app.Profile{}
	}
}

// control asks the sandbox for something.
func control(t *testing.T, p app.Profile, path, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.Sandbox+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode/100 != 2 {
		t.Fatalf("%s answered %d", path, res.StatusCode)
	}
}

// call makes a signed request as the demo merchant.
func (c console) call(method, path, body string) map[string]any {
	c.t.Helper()
	args := []string{"call", "--profile", filepath.Join(c.data, app.ProfileFile), method, path}
	if body != "" {
		args = append(args, "-d", body)
	}
	code, stdout, stderr := c.run(args...)
	var out map[string]any
	if err := json.Unmarshal([]byte(stdout), &out); err != nil || code != exitDone {
		c.t.Fatalf("%s %s: exit %d, %s%s", method, path, code, stdout, stderr)
	}
	return out
}

// placed is a payment whose payer has paid and whose callback is lost.
func (c console) placed(p app.Profile, no string) string {
	c.t.Helper()
	control(c.t, p, "/_control/notifications", `{"drop_rate":1}`)
	made := c.call(http.MethodPost, "/v1/payments", fmt.Sprintf(`{"merchant_order_no":%q,"amount":1000,"subject":"tea","scene":"qr","channel":"wechatpay"}`, no))
	action, err := json.Marshal(map[string]any{"action": made["action"], "result": "pay"})
	if err != nil {
		c.t.Fatal(err)
	}
	control(c.t, p, "/_control/pay", string(action))
	return made["id"].(string)
}

func TestOperatorCommandsBesideARunningServe(t *testing.T) {
	t.Parallel()
	c, p := serving(t)
	id := c.placed(p, "ops-1")

	var asked payment.View
	c.json(&asked, "payment", "ask", "--id", id, "--reason", "callback lost")
	if asked.Status != payment.Succeeded || len(asked.Attempts) != 1 {
		t.Fatalf("asking booked %+v", asked)
	}
	if got := c.call(http.MethodGet, "/v1/payments/"+id, ""); got["status"] != "succeeded" {
		t.Errorf("the running gateway shows %v", got)
	}

	create := []string{"refund", "create", "--payment", id, "--number", "goodwill-1", "--amount", "300", "--reason", "ticket 7"}
	var refund, again payment.RefundView
	c.json(&refund, create...)
	c.json(&again, create...)
	if refund.Initiator != payment.ByOperator || refund.ID != again.ID || refund.Amount != 300 {
		t.Errorf("refund %+v, again %+v", refund, again)
	}
	for refund.Status != payment.RefundSucceeded {
		c.json(&refund, "refund", "ask", "--id", refund.ID, "--reason", "ticket 7")
	}
	if code, _, stderr := c.run("refund", "settle", "--id", refund.ID, "--failed", "--evidence", "a letter", "--reason", "r", "--data", c.data); code != exitFailed || !strings.Contains(stderr, "succeeded") {
		t.Errorf("evidence against what the channel said: exit %d, %s", code, stderr)
	}
	if code, _, _ := c.run("refund", "resend", "--id", refund.ID, "--reason", "r", "--data", c.data); code != exitFailed {
		t.Errorf("a refund that has ended is sent again: exit %d", code)
	}

	var story timeline
	c.json(&story, "payment", "show", "--id", asked.Attempts[0].ID)
	if story.Payment.ID != id || len(story.Refunds) != 1 || len(story.History) < 4 || len(story.Events) < 1 || len(story.Attempts[0].Routing.Candidates) == 0 {
		t.Errorf("the story is %+v", story)
	}
	text := c.on("payment", "show", "--id", refund.ID)
	for _, part := range []string{id, "payment.ask", "refund.create", "payment.succeeded", "routing"} {
		if !strings.Contains(text, part) {
			t.Errorf("the story for people lacks %q:\n%s", part, text)
		}
	}

	var event map[string]any
	c.json(&event, "event", "resend", "--id", story.Events[0].ID, "--reason", "the receiver lost it")
	if event["id"] != story.Events[0].ID {
		t.Errorf("sent again: %v", event)
	}
	c.wantActs(t, id, "payment.ask", "refund.create", "refund.ask", "event.resend")
}

// A UnionPay refund that never arrived stays in doubt: no query can tell, and it
// must not be sent again. A person who saw the day's file ends it.
func TestRefundSettle_EndsWhatNoQueryCan(t *testing.T) {
	t.Parallel()
	c, p := serving(t)
	made := c.call(http.MethodPost, "/v1/payments", `{"merchant_order_no":"lost-1","amount":1000,"subject":"tea","scene":"qr","channel":"unionpay"}`)
	action, err := json.Marshal(map[string]any{"action": made["action"], "result": "pay"})
	if err != nil {
		t.Fatal(err)
	}
	control(t, p, "/_control/pay", string(action))
	id := made["id"].(string)
	c.on("payment", "ask", "--id", id, "--reason", "do not wait for the callback")
	control(t, p, "/_control/faults", `{"channel":"unionpay","operation":"refund","kind":"hang_before","count":1}`)
	lost := c.call(http.MethodPost, "/v1/refunds", fmt.Sprintf(`{"merchant_refund_no":"lost-1","payment_id":%q,"amount":1000}`, id))
	if lost["status"] != "processing" {
		t.Fatalf("the refund is %v", lost["status"])
	}
	refund := lost["id"].(string)
	if code, _, stderr := c.run("refund", "resend", "--id", refund, "--reason", "r", "--data", c.data); code != exitFailed {
		t.Errorf("a UnionPay refund was sent again: exit %d, %s", code, stderr)
	}
	settle := []string{"refund", "settle", "--id", refund, "--failed", "--evidence", "not in the day's file", "--reason", "ticket 7", "--data", c.data}
	for {
		// Refused while the call could be under way.
		code, _, stderr := c.run(settle...)
		if code == exitDone {
			break
		}
		if !strings.Contains(stderr, "under way") || t.Context().Err() != nil {
			t.Fatalf("settle: exit %d, %s", code, stderr)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if got := c.call(http.MethodGet, "/v1/refunds/"+refund, ""); got["status"] != "failed" {
		t.Errorf("the running gateway shows the refund as %v", got["status"])
	}
	again := c.call(http.MethodPost, "/v1/refunds", fmt.Sprintf(`{"merchant_refund_no":"lost-2","payment_id":%q,"amount":1000}`, id))
	if again["status"] != "processing" && again["status"] != "succeeded" {
		t.Errorf("the amount was not given back to the payment: %v", again)
	}
	c.wantActs(t, id, "payment.ask", "refund.settle")
}

// wantActs fails unless the audit trail holds acts of these kinds, each with who
// did it and why.
func (c console) wantActs(t *testing.T, paymentID string, kinds ...string) {
	t.Helper()
	var got []string
	cursor := ""
	for {
		var page struct {
			Data []struct {
				Actor, Action string
				Detail        struct {
					Reason    string
					PaymentID string `json:"payment_id"`
				}
			}
			NextCursor *string `json:"next_cursor"`
		}
		c.json(&page, "audit", "list", "--limit", "2", "--cursor", cursor)
		for _, e := range page.Data {
			if !slices.Contains(kinds, e.Action) {
				continue
			}
			got = append(got, e.Action)
			if !strings.HasPrefix(e.Actor, "cli:") || e.Detail.Reason == "" || (e.Detail.PaymentID != "" && e.Detail.PaymentID != paymentID) {
				t.Errorf("an act by %q for %q: %+v", e.Actor, e.Detail.Reason, e)
			}
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	for _, kind := range kinds {
		if !slices.Contains(got, kind) {
			t.Errorf("the audit trail lacks %s: %v", kind, got)
		}
	}
}

func TestPlatformKeys_RotateAndRetire(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.on("merchant", "create", "--name", "Tea shop")
	var list struct{ Data []platformKeyView }
	c.json(&list, "platform-key", "list")
	if len(list.Data) == 0 {
		t.Fatal("there are no platform keys")
	}
	var made struct {
		Serial    string
		SignsFrom time.Time `json:"signs_from"`
	}
	c.json(&made, "platform-key", "rotate", "--algorithm", "rsa2", "--reason", "yearly")
	if made.Serial == "" || made.SignsFrom.Before(time.Now()) {
		t.Errorf("rotated: %+v", made)
	}
	old := list.Data[slices.IndexFunc(list.Data, func(k platformKeyView) bool { return k.Algorithm == "rsa2" })]
	if code, _, stderr := c.run("platform-key", "retire", "--serial", old.Serial, "--reason", "replaced", "--data", c.data); code != exitUsage {
		t.Errorf("the only key that signs was retired: exit %d, %s", code, stderr)
	}
	c.json(&map[string]any{}, "platform-key", "retire", "--serial", made.Serial, "--reason", "a mistake")
	c.wantActs(t, "", "platform_key.rotate", "platform_key.retire")
}

// Every command that changes something of a merchant is kept, without secrets.
func TestAudit_KeepsWhatWasDoneToMerchants(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	var made createdProfile
	c.json(&made, "merchant", "create", "--name", "Tea shop", "--sandbox-accounts", "--sandbox", startSandbox(t))
	keys := t.TempDir()
	if code, _, stderr := c.run("keygen", "--out", keys); code != exitDone {
		t.Fatal(stderr)
	}
	var key struct{ Serial string }
	c.json(&key, "merchant", "key", "add", "--merchant", made.MerchantID, "--public-key", filepath.Join(keys, publicKeyFile))
	c.on("merchant", "key", "revoke", "--merchant", made.MerchantID, "--serial", key.Serial)
	c.on("merchant", "secret", "rotate", "--merchant", made.MerchantID)
	c.on("merchant", "disable", "--merchant", made.MerchantID)
	c.on("merchant", "enable", "--merchant", made.MerchantID)
	c.on("account", "disable", "--account", made.Accounts[0].ID)
	c.on("account", "enable", "--account", made.Accounts[0].ID)
	c.on("account", "hours", "--account", made.Accounts[0].ID, "--always")
	c.on("secrets", "rotate")
	var page struct{ Data []auditView }
	c.json(&page, "audit", "list", "--merchant", made.MerchantID)
	var got []string
	for _, e := range page.Data {
		got = append(got, e.Action)
		if e.Actor != actor() || strings.Contains(string(e.Detail), "whsec_") {
			t.Errorf("kept as %+v", e)
		}
	}
	want := []string{
		"account.hours", "account.enable", "account.disable", "merchant.enable", "merchant.disable",
		"merchant_secret.rotate", "merchant_key.revoke", "merchant_key.add", "merchant.create",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the audit trail of the merchant holds %v, want %v", got, want)
	}
	c.json(&page, "audit", "list", "--action", "master_key.rotate")
	if len(page.Data) != 1 {
		t.Errorf("the rotation of the master key is kept %d times", len(page.Data))
	}
}

func TestOperatorCommands_RefuseWrongUsage(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.on("merchant", "create", "--name", "Tea shop")
	for _, args := range [][]string{
		{"payment", "ask", "--id", "pay_1"}, // no reason
		{"payment", "show"},
		{"payment", "settle", "--id", "a", "--paid", "--unpaid", "--evidence", "e", "--reason", "r"},
		{"payment", "settle", "--id", "a", "--evidence", "e", "--reason", "r"},
		{"payment", "settle", "--id", "a", "--paid", "--amount", "1", "--at", "yesterday", "--evidence", "e", "--reason", "r"},
		{"refund", "settle", "--id", "a", "--failed", "--reason", "r"},
		{"refund", "create", "--reason", "r"},
		{"refund", "create", "--payment", "p", "--reason", "r"},
		{"refund", "create", "--payment", "p", "--number", "n", "--amount", "1", "--second-try-of", "x", "--reason", "r"},
		{"event", "resend"},
		{"audit", "list", "--limit", "0"},
		{"audit", "list", "--cursor", "nonsense"},
		{"platform-key", "rotate", "--algorithm", "dsa", "--reason", "r"},
		{"payment", "nonsense"},
	} {
		if code, _, stderr := c.run(append(args, "--data", c.data)...); code != exitUsage || stderr == "" {
			t.Errorf("%v: exit %d, %q", args, code, stderr)
		}
	}
	for _, args := range [][]string{
		{"payment", "ask", "--id", "pay_1", "--reason", "r"},
		{"payment", "show", "--id", "pay_1"},
		{"refund", "ask", "--id", "r", "--reason", "r"},
		{"refund", "settle", "--id", "r", "--failed", "--evidence", "e", "--reason", "r"},
		{"event", "resend", "--id", "evt_1", "--reason", "r"},
		{"platform-key", "retire", "--serial", "S", "--reason", "r"},
	} {
		if code, _, stderr := c.run(append(args, "--data", c.data)...); code != exitFailed || !strings.Contains(stderr, "there is no") {
			t.Errorf("%v: exit %d, %q", args, code, stderr)
		}
	}
}
