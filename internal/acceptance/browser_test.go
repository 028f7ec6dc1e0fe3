package acceptance

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBrowserPages opens every page in Chromium as a person would, in both
// languages, and pays in one of them. Pictures are kept in the folder named by
// PAYMUX_TEST_PICTURES.
func TestBrowserPages(t *testing.T) {
	if os.Getenv("PAYMUX_TEST_BROWSER") != "1" {
		t.Skip("SKIPPED: the pages are tried in a browser only with PAYMUX_TEST_BROWSER=1, which make test-all sets")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	pictures := os.Getenv("PAYMUX_TEST_PICTURES")
	if pictures == "" {
		pictures = t.TempDir()
	}
	p := serve(t, "--listen", "127.0.0.1:0", "--data", t.TempDir())
	m := p.merchant()
	order := m.order("browser", "qr", 8800)
	order["subject"] = `<script>alert("x")</script> & 'tea' 茶 </title>`
	created := m.call(http.MethodPost, "/v1/payments", order, http.StatusCreated)
	action, _ := created["action"].(map[string]any)
	in, err := json.Marshal(map[string]any{
		"code_url": action["code_url"], "docs": p.ready.API + "/docs", "return": p.ready.API + "/return",
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join("testdata", "browser", "pages.js"), chromium, pictures)
	cmd.Stdin = strings.NewReader(string(in))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m.await(created.text("id"), "succeeded")
	m.awaitEvent("payment.succeeded", created.text("id"))
}
