package payerpage

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func draw(t *testing.T, p Page, target string) (string, string) {
	t.Helper()
	w := httptest.NewRecorder()
	Write(w, httptest.NewRequest("GET", target, nil), 200, p)
	return w.Body.String(), w.Header().Get("Content-Security-Policy")
}

func hostile() Page {
	return Page{
		Channel: "alipay", Amount: 1234, Currency: "CNY", OrderNo: "<script>alert(1)</script>", Merchant: "\"><img src=x>",
		Subject: "</dd><script>alert('x')</script>\u202Egnp.exe\x00", ExpiresAt: time.Unix(0, 0),
		PayURL: "http://127.0.0.1/pay", CancelURL: "http://127.0.0.1/cancel", BackURL: "javascript:alert(1)", Detail: "<b>",
	}
}

func TestWrite_HostileTexts(t *testing.T) {
	for state := Payable; state <= Unknown; state++ {
		p := hostile()
		p.State = state
		page, csp := draw(t, p, "/")
		for _, bad := range []string{"<script", "<img", "javascript:", "\u202E", "\x00", "<b>", "http://", "https://"} {
			if bad == "http://" {
				if strings.Count(page, bad) != 2 { // the two forms
					t.Errorf("state %d: addresses in the page:\n%s", state, page)
				}
				continue
			}
			if strings.Contains(page, bad) {
				t.Errorf("state %d: %q is in the page:\n%s", state, bad, page)
			}
		}
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("policy %q", csp)
		}
		if !strings.Contains(page, "¥12.34") || !strings.Contains(page, `lang="zh-CN"`) {
			t.Errorf("state %d:\n%s", state, page)
		}
	}
}

func TestWrite_English(t *testing.T) {
	p := hostile()
	p.SelfURL = "http://127.0.0.1/p"
	page, _ := draw(t, p, "/?lang=en")
	for _, want := range []string{"Pay now", "Cancel", `lang="en"`, "http://127.0.0.1/pay?lang=en", "http://127.0.0.1/p?lang=zh", "中文"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	for state := Payable; state <= Unknown; state++ {
		for _, l := range []language{chinese(), english()} {
			if l.states[state].title == "" {
				t.Errorf("state %d has no title in %s", state, l.Lang)
			}
		}
	}
}

func TestOrigin(t *testing.T) {
	for address, want := range map[string]string{
		"https://shop.example/a?b": "https://shop.example", "http://127.0.0.1:80/": "http://127.0.0.1:80",
		"javascript:alert(1)": "", "https://a;script-src *": "", "": "", "/relative": "", "https://": "",
	} {
		if got := Origin(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}
