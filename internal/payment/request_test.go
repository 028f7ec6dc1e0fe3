package payment_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/payment"
)

func TestValidateCreateNamesEveryWrongField(t *testing.T) {
	w, _ := inMemory(t)
	now := w.clock.Now()
	at := func(d time.Duration) *time.Time { v := now.Add(d); return &v }
	type edit func(r *payment.CreateRequest)
	for _, c := range []struct {
		name  string
		scene string
		edit  edit
		want  []string
	}{
		{"a plain order", "qr", func(*payment.CreateRequest) {}, nil},
		{"the longest number", "qr", func(r *payment.CreateRequest) { r.MerchantOrderNo = strings.Repeat("aZ9_-", 12) + "abcd" }, nil},
		{"a number too long", "qr", func(r *payment.CreateRequest) { r.MerchantOrderNo = strings.Repeat("a", 65) }, []string{"merchant_order_no"}},
		{"no number", "qr", func(r *payment.CreateRequest) { r.MerchantOrderNo = "" }, []string{"merchant_order_no"}},
		{"a number with a blank", "qr", func(r *payment.CreateRequest) { r.MerchantOrderNo = "o 1" }, []string{"merchant_order_no"}},
		{"a number of other letters", "qr", func(r *payment.CreateRequest) { r.MerchantOrderNo = "订单" }, []string{"merchant_order_no"}},
		{"no amount", "qr", func(r *payment.CreateRequest) { r.Amount = 0 }, []string{"amount"}},
		{"a negative amount", "qr", func(r *payment.CreateRequest) { r.Amount = -1 }, []string{"amount"}},
		{"the largest amount", "qr", func(r *payment.CreateRequest) { r.Amount = 1_000_000_000_000 }, nil},
		{"an amount too large", "qr", func(r *payment.CreateRequest) { r.Amount = 1_000_000_000_001 }, []string{"amount"}},
		{"a malformed currency", "qr", func(r *payment.CreateRequest) { r.Currency = "cny" }, []string{"currency"}},
		{"a well-formed currency", "qr", func(r *payment.CreateRequest) { r.Currency = "XXX" }, nil},
		{"no subject", "qr", func(r *payment.CreateRequest) { r.Subject = "" }, []string{"subject"}},
		{"the longest subject", "qr", func(r *payment.CreateRequest) { r.Subject = strings.Repeat("茶", 127) }, nil},
		{"a subject too long", "qr", func(r *payment.CreateRequest) { r.Subject = strings.Repeat("茶", 128) }, []string{"subject"}},
		{"a control character", "qr", func(r *payment.CreateRequest) { r.Subject = "tea\n" }, []string{"subject"}},
		{"no UTF-8", "qr", func(r *payment.CreateRequest) { r.Subject = "\xff" }, []string{"subject"}},
		{"an unknown scene", "cash", func(*payment.CreateRequest) {}, []string{"scene"}},
		{"an unknown channel", "qr", func(r *payment.CreateRequest) { r.Channel = "paypal" }, []string{"channel"}},
		{"a barcode without its code", "barcode", func(r *payment.CreateRequest) { r.AuthCode = "" }, []string{"auth_code"}},
		{"a barcode of letters", "barcode", func(r *payment.CreateRequest) { r.AuthCode = "28abc" }, []string{"auth_code"}},
		{"jsapi without its payer and channel", "jsapi", func(r *payment.CreateRequest) { r.PayerID = "" }, []string{"payer_id", "channel"}},
		{"h5 without the payer's address", "h5", func(r *payment.CreateRequest) { r.ClientIP = "" }, []string{"client_ip"}},
		{"h5 with half an address", "h5", func(r *payment.CreateRequest) { r.ClientIP = "203.0.113" }, []string{"client_ip"}},
		{"h5 over IPv6", "h5", func(r *payment.CreateRequest) { r.ClientIP = "2001:db8::7" }, nil},
		{"fields that the scene does not use", "qr", func(r *payment.CreateRequest) {
			r.AuthCode, r.PayerID, r.ClientIP, r.ReturnURL = "letters", strings.Repeat("x", 4000), "nowhere", "gopher://x"
		}, nil},
		{"a return address that the scene uses", "web", func(r *payment.CreateRequest) { r.ReturnURL = "gopher://x" }, []string{"return_url"}},
		{"a relative webhook address", "qr", func(r *payment.CreateRequest) { r.NotifyURL = "/hook" }, []string{"notify_url"}},
		{"a webhook address with a password", "qr", func(r *payment.CreateRequest) { r.NotifyURL = "https://a:b@shop.example/" }, []string{"notify_url"}},
		{"a limit two minutes ahead", "qr", func(r *payment.CreateRequest) { r.ExpiresAt = at(2 * time.Minute) }, nil},
		{"that limit in whole seconds", "qr", func(r *payment.CreateRequest) { v := at(2 * time.Minute).Truncate(time.Second); r.ExpiresAt = &v }, nil},
		{"a limit too near", "qr", func(r *payment.CreateRequest) { r.ExpiresAt = at(118 * time.Second) }, []string{"expires_at"}},
		{"a limit in the past", "qr", func(r *payment.CreateRequest) { r.ExpiresAt = at(-time.Second) }, []string{"expires_at"}},
		{"a limit a day ahead", "qr", func(r *payment.CreateRequest) { r.ExpiresAt = at(24 * time.Hour) }, nil},
		{"a limit too far", "qr", func(r *payment.CreateRequest) { r.ExpiresAt = at(24*time.Hour + 2*time.Second) }, []string{"expires_at"}},
		{"a customer's id too long", "qr", func(r *payment.CreateRequest) { r.CustomerID = strings.Repeat("c", 65) }, []string{"customer_id"}},
		{"twenty pairs", "qr", func(r *payment.CreateRequest) { r.Metadata = pairs(20) }, nil},
		{"twenty-one pairs", "qr", func(r *payment.CreateRequest) { r.Metadata = pairs(21) }, []string{"metadata"}},
		{"a nameless pair", "qr", func(r *payment.CreateRequest) { r.Metadata = map[string]string{"": "x"} }, []string{"metadata"}},
		{"everything at once", "cash", func(r *payment.CreateRequest) {
			*r = payment.CreateRequest{Amount: -1, Currency: "?", Scene: "cash", Channel: "x", NotifyURL: "x", ExpiresAt: at(0)}
		}, []string{"merchant_order_no", "amount", "currency", "subject", "scene", "channel", "notify_url", "expires_at"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := order("o-1", c.scene, "", 100)
			c.edit(&req)
			var got []string
			for _, f := range w.ValidateCreate(req, now) {
				got = append(got, f.Field)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("want %v, got %v", c.want, got)
			}
		})
	}
}

func pairs(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[strings.Repeat("k", i+1)] = "v"
	}
	return m
}

func TestValidateRefundNamesEveryWrongField(t *testing.T) {
	w, _ := inMemory(t)
	good := payment.RefundRequest{MerchantRefundNo: "r-1", PaymentID: "pay_1", Amount: 1}
	for name, c := range map[string]struct {
		edit func(r *payment.RefundRequest)
		want string
	}{
		"good":               {func(*payment.RefundRequest) {}, ""},
		"by order number":    {func(r *payment.RefundRequest) { r.PaymentID, r.MerchantOrderNo = "", "o-1" }, ""},
		"no number":          {func(r *payment.RefundRequest) { r.MerchantRefundNo = "" }, "merchant_refund_no"},
		"no amount":          {func(r *payment.RefundRequest) { r.Amount = 0 }, "amount"},
		"a negative amount":  {func(r *payment.RefundRequest) { r.Amount = -60 }, "amount"},
		"neither of both":    {func(r *payment.RefundRequest) { r.PaymentID = "" }, "payment_id"},
		"both":               {func(r *payment.RefundRequest) { r.MerchantOrderNo = "o-1" }, "merchant_order_no"},
		"a strange number":   {func(r *payment.RefundRequest) { r.PaymentID, r.MerchantOrderNo = "", "o 1" }, "merchant_order_no"},
		"a reason too long":  {func(r *payment.RefundRequest) { r.Reason = strings.Repeat("r", 81) }, "reason"},
		"a strange endpoint": {func(r *payment.RefundRequest) { r.NotifyURL = "ftp://x" }, "notify_url"},
	} {
		t.Run(name, func(t *testing.T) {
			req := good
			c.edit(&req)
			got := ""
			for _, f := range w.ValidateRefund(req) {
				got += f.Field
			}
			if got != c.want {
				t.Errorf("want %q, got %q", c.want, got)
			}
		})
	}
}

func TestThePayersCodeChoosesItsWallet(t *testing.T) {
	for code, want := range map[string]string{
		"2512345678901234": "alipay", "301234567890123456789012": "alipay", "281234567890123456": "alipay",
		"100000000000000000": "wechatpay", "159999999999999999": "wechatpay",
		"1000000000000000000": "unionpay", "16000000000000000": "unionpay", "6212345678901234567": "unionpay",
		"251234567890123": "unionpay", "2512345678901234567890123": "unionpay", "1": "unionpay", "310000000000000000": "unionpay",
	} {
		if got := payment.WalletOf(code); got != want {
			t.Errorf("%s: want %s, got %s", code, want, got)
		}
	}
	w, _ := inMemory(t)
	req := order("o-1", "barcode", "alipay", 100)
	req.AuthCode = "130000000000000001"
	if _, err := w.Create(context.Background(), w.merchant, req); codeOf(err) != payment.CodePayerMismatch {
		t.Errorf("want %s, got %v", payment.CodePayerMismatch, err)
	}
}

func TestRefusalsOfRoutingNameTheirReason(t *testing.T) {
	w, _ := inMemory(t)
	for name, c := range map[string]struct {
		edit func(r *payment.CreateRequest)
		want payment.Code
	}{
		"a currency nobody knows":    {func(r *payment.CreateRequest) { r.Currency = "XXX" }, payment.CodeCurrency},
		"a currency nobody takes":    {func(r *payment.CreateRequest) { r.Currency = "USD" }, payment.CodeCurrency},
		"an amount above all limits": {func(r *payment.CreateRequest) { r.Amount = 5_000_001 }, payment.CodeAmountOutOfRange},
		"a scene nobody has":         {func(r *payment.CreateRequest) { r.Scene, r.Channel = "app", "" }, payment.CodeSceneUnsupported},
		"a scene the channel lacks":  {func(r *payment.CreateRequest) { r.Scene, r.Channel = "web", "wechatpay" }, payment.CodeSceneUnsupported},
	} {
		req := order("o-"+strings.ReplaceAll(name, " ", "-"), "qr", "", 100)
		c.edit(&req)
		if _, err := w.Create(context.Background(), w.merchant, req); codeOf(err) != c.want {
			t.Errorf("%s: want %s, got %v", name, c.want, err)
		}
	}
	w.down["ali"], w.down["wx"], w.down["up"] = true, true, true
	if _, err := w.Create(context.Background(), w.merchant, order("o-9", "qr", "", 100)); codeOf(err) != payment.CodeNoChannel {
		t.Errorf("want %s, got %v", payment.CodeNoChannel, err)
	}
	if got, err := w.List(context.Background(), payment.PaymentFilter{MerchantID: merchantID, Limit: 10}); err != nil || len(got) != 0 {
		t.Errorf("refused orders are shown: %v, %v", got, err)
	}
}

func TestInvariant_9_ARepeatIsComparedAfterDefaults(t *testing.T) {
	m := payment.Merchant{ID: merchantID, NotifyURL: "https://shop.example/hook"}
	at := time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)
	local := at.In(time.FixedZone("CST", 8*3600))
	base := payment.CreateRequest{
		MerchantOrderNo: "o-1", Amount: 100, Subject: "tea", Scene: "qr", CustomerID: "c-1", Metadata: map[string]string{"a": "1", "b": "2"},
	}
	same := map[string]func(r *payment.CreateRequest){
		"the currency written out":        func(r *payment.CreateRequest) { r.Currency = "CNY" },
		"the default address written out": func(r *payment.CreateRequest) { r.NotifyURL = m.NotifyURL },
		"the pairs in another order":      func(r *payment.CreateRequest) { r.Metadata = map[string]string{"b": "2", "a": "1"} },
	}
	for name, edit := range same {
		other := base
		edit(&other)
		if payment.HashOfCreate(m, base) != payment.HashOfCreate(m, other) {
			t.Errorf("%s makes another request of it", name)
		}
	}
	for name, edit := range map[string]func(r *payment.CreateRequest){
		"amount": func(r *payment.CreateRequest) { r.Amount = 101 }, "currency": func(r *payment.CreateRequest) { r.Currency = "USD" },
		"subject": func(r *payment.CreateRequest) { r.Subject = "tea " }, "scene": func(r *payment.CreateRequest) { r.Scene = "web" },
		"channel": func(r *payment.CreateRequest) { r.Channel = "alipay" }, "auth_code": func(r *payment.CreateRequest) { r.AuthCode = "1" },
		"payer_id": func(r *payment.CreateRequest) { r.PayerID = "1" }, "client_ip": func(r *payment.CreateRequest) { r.ClientIP = "1" },
		"return_url": func(r *payment.CreateRequest) { r.ReturnURL = "https://x" }, "notify_url": func(r *payment.CreateRequest) { r.NotifyURL = "https://x" },
		"expires_at": func(r *payment.CreateRequest) { r.ExpiresAt = &at }, "customer_id": func(r *payment.CreateRequest) { r.CustomerID = "c-2" },
		"region": func(r *payment.CreateRequest) { r.Region = "cn" }, "metadata": func(r *payment.CreateRequest) { r.Metadata = map[string]string{"a": "1"} },
	} {
		other := base
		edit(&other)
		if payment.HashOfCreate(m, base) == payment.HashOfCreate(m, other) {
			t.Errorf("another %s is not noticed", name)
		}
	}
	one, two := base, base
	one.ExpiresAt, two.ExpiresAt = &at, &local
	if payment.HashOfCreate(m, one) != payment.HashOfCreate(m, two) {
		t.Error("the same moment with another offset makes another request of it")
	}
	one, two = base, base
	one.Metadata, two.Metadata = nil, map[string]string{}
	if payment.HashOfCreate(m, one) != payment.HashOfCreate(m, two) {
		t.Error("no pairs and an empty list of pairs differ")
	}
}

func TestInvariant_9_ARepeatGivesThePayment(t *testing.T) {
	eachStore(t, func(t *testing.T, w *world) {
		limit := w.clock.Now().Add(3 * time.Minute)
		req := order("o-1", "qr", "wechatpay", 100)
		req.ExpiresAt = &limit
		first := w.create(req)
		w.clock.Advance(2 * time.Minute)
		again := w.create(req)
		if !again.Replayed || again.Payment.ID != first.Payment.ID {
			t.Errorf("a repeat whose limit came near is not taken for one: %+v", again.Payment)
		}
		for name, edit := range map[string]func(r *payment.CreateRequest){
			"another amount":    func(r *payment.CreateRequest) { r.Amount = 99 },
			"another limit":     func(r *payment.CreateRequest) { v := limit.Add(time.Hour); r.ExpiresAt = &v },
			"an absent limit":   func(r *payment.CreateRequest) { r.ExpiresAt = nil },
			"another scene":     func(r *payment.CreateRequest) { r.Scene = "web" },
			"an unknown wallet": func(r *payment.CreateRequest) { r.Channel = "alipay" },
		} {
			other := req
			edit(&other)
			if _, err := w.Create(context.Background(), w.merchant, other); codeOf(err) != payment.CodeOrderConflict {
				t.Errorf("%s: want %s, got %v", name, payment.CodeOrderConflict, err)
			}
		}
		faulty := req
		faulty.Amount = -1
		if _, err := w.Create(context.Background(), w.merchant, faulty); codeOf(err) != payment.CodeInvalidRequest {
			t.Errorf("want %s, got %v", payment.CodeInvalidRequest, err)
		}
		if n := w.banks["wx"].count("pay"); n != 1 {
			t.Errorf("the order was sent %d times", n)
		}
	})
}

func TestALimitIsToldInWholeSeconds(t *testing.T) {
	w, _ := inMemory(t)
	r := w.create(order("o-1", "qr", "", 100))
	a := r.Attempts[0]
	if at := a.Ref().ExpiresAt; at.Nanosecond() != 0 || !at.Equal(r.Payment.ExpiresAt) || !w.bankOf(a).order(a.ID).expires.Equal(at) {
		t.Errorf("the channel was given %v, the payment shows %v", at, r.Payment.ExpiresAt)
	}
}

func FuzzValidateCreate(f *testing.F) {
	f.Add("o-1", int64(100), "CNY", "tea", "qr", "alipay", "280000000000000001", "203.0.113.7", "https://shop.example/hook", int64(1800))
	f.Add("", int64(-1), "cny", "\xff\x00", "cash", "x", "２８", "::1%eth0", "http://[::1", int64(-1))
	f.Add("o-2", int64(1_000_000_000_000), "", "茶", "jsapi", "", "", "", "https://a:b@c", int64(86400))
	w, _ := inMemory(f)
	now := w.clock.Now()
	f.Fuzz(func(t *testing.T, no string, amount int64, currency, subject, scene, channel, authCode, ip, url string, seconds int64) {
		limit := now.Add(time.Duration(seconds%1_000_000) * time.Second)
		req := payment.CreateRequest{
			MerchantOrderNo: no, Amount: amount, Currency: currency, Subject: subject, Scene: scene, Channel: channel, AuthCode: authCode,
			PayerID: ip, ClientIP: ip, ReturnURL: url, NotifyURL: url, ExpiresAt: &limit, CustomerID: subject, Region: subject,
			Metadata: map[string]string{subject: url},
		}
		faults := w.ValidateCreate(req, now)
		payment.WalletOf(strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, authCode))
		for _, fault := range faults {
			if fault.Field == "" || fault.Message == "" {
				t.Errorf("a fault without words: %+v", fault)
			}
			if _, err := json.Marshal(fault); err != nil {
				t.Errorf("a fault that cannot be told: %v", err)
			}
		}
		if len(faults) > 0 {
			return
		}
		if amount < 1 || amount > payment.MaxAmountMinor || len(no) < 1 || len(no) > 64 || !utf8.ValidString(subject) ||
			strings.ContainsAny(no, " \n%/'\"") || strings.ContainsAny(subject, "\x00\n\r\x7f") {
			t.Errorf("accepted: %+v", req)
		}
		again := req
		again.Metadata = maps.Clone(req.Metadata)
		if payment.HashOfCreate(w.merchant, req) != payment.HashOfCreate(w.merchant, again) {
			t.Error("the same request has two hashes")
		}
	})
}
