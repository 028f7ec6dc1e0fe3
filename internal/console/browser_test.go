package console_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/console"
)

// TestBrowserConsolePages opens every page in Chromium, in both languages, wide
// and on a phone. Pictures are kept in the folder named by
// PAYMUX_TEST_PICTURES.
func TestBrowserConsolePages(t *testing.T) {
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
	w := newWorld(t)
	w.user("anna", console.Finance, mineID)
	w.user("ben", console.Operations, "")
	w.user("root", console.Admin, "")
	yesterday := channels.DayAt(w.start).Add(-1).String()
	pages := map[string]string{
		"calendar": "/days?merchant=" + mineID, "day": "/days/" + yesterday + "?merchant=" + mineID, "day-all": "/days/" + yesterday, "day-broken": "/days/" + channels.DayAt(w.start).Add(-6).String(), "discrepancies": "/discrepancies?status=all",
		"payments": "/payments?merchant=" + mineID, "payment": "/payments/" + thePayment, "audit": "/audit", "users": "/users", "account": "/account",
	}
	for _, d := range w.books.found[:3] {
		pages["discrepancy-"+string(d.Kind)] = "/discrepancies/" + d.ID
	}
	in, err := json.Marshal(map[string]any{"base": w.server.URL + console.Prefix, "user": "root", "password": password, "pages": pages})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join("..", "acceptance", "testdata", "browser", "console_pages.js"), chromium, pictures)
	cmd.Stdin = strings.NewReader(string(in))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
