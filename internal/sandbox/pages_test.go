package sandbox_test

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// visit does what a payer's browser does, but follows no redirect.
func visit(t testing.TB, method, address string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := noRedirects().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func noRedirects() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func get(t testing.TB, address string) *http.Response {
	t.Helper()
	return visit(t, http.MethodGet, address)
}

func getPage(t *testing.T, address string) string {
	t.Helper()
	return read(t, get(t, address))
}

func press(t *testing.T, address string) *http.Response {
	t.Helper()
	resp := visit(t, http.MethodPost, address)
	_ = resp.Body.Close()
	return resp
}

func pressBody(t *testing.T, address string) string {
	t.Helper()
	return read(t, visit(t, http.MethodPost, address))
}

// read reads a page and checks its policy: nothing is loaded, and no script runs but its own.
func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("content security policy is %q", csp)
	} else if _, script, has := strings.Cut(string(body), "<script>"); has {
		script, _, _ = strings.Cut(script, "</script>")
		sum := sha256.Sum256([]byte(script))
		if !strings.Contains(csp, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("the page's own script %q is not allowed by %q", script, csp)
		}
	}
	return string(body)
}

// formAction finds where a button of a payer's page leads.
func formAction(t *testing.T, page, button string) string {
	t.Helper()
	m := regexp.MustCompile(`action="([^"]*/` + button + `)(?:\?[^"]*)?"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no button %q:\n%s", button, page)
	}
	return m[1]
}
