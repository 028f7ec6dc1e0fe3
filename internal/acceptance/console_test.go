package acceptance

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// staffBrowser is a member of the staff without a real browser.
type staffBrowser struct {
	t      *testing.T
	base   string
	client *http.Client
	token  string
}

func newStaffBrowser(t *testing.T, base string) *staffBrowser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &staffBrowser{t: t, base: base, client: &http.Client{Jar: jar, Timeout: patience}}
}

var formToken = regexp.MustCompile(`name="form_token" value="([^"]+)"`)

// open follows redirects and gives the page at their end.
func (b *staffBrowser) open(path string, form url.Values) (page, at string, status int) {
	b.t.Helper()
	var res *http.Response
	var err error
	if form == nil {
		res, err = b.client.Get(b.base + path)
	} else {
		form.Set("form_token", b.token)
		res, err = b.client.PostForm(b.base+path, form)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if m := formToken.FindSubmatch(body); m != nil {
		b.token = string(m[1])
	}
	return string(body), res.Request.URL.RequestURI(), res.StatusCode
}

// login tells whether the user came in.
func (b *staffBrowser) login(name, password string) bool {
	b.t.Helper()
	b.open("/login", nil)
	_, at, _ := b.open("/login", url.Values{"name": {name}, "password": {password}})
	return !strings.HasPrefix(at, "/console/login")
}

// The first start makes a user with a password in a private file; a later one
// names both again, and no longer a password that was changed.
func TestConsoleBegins(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", dir)
	r := p.ready
	if r.Console != r.API+"/console" || r.ConsoleUser == "" || !filepath.IsAbs(r.ConsolePasswordFile) {
		t.Fatalf("the ready line says %+v", r)
	}
	info, err := os.Stat(r.ConsolePasswordFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the password's file: %v, %v", info, err)
	}
	password := strings.TrimSpace(string(read(t, r.ConsolePasswordFile)))
	b := newStaffBrowser(t, r.Console)
	if page, at, status := b.open("", nil); status != http.StatusOK || at != "/console/login" || !strings.Contains(page, `lang="zh-CN"`) {
		t.Errorf("somebody unknown: %d at %s", status, at)
	}
	if newStaffBrowser(t, r.Console).login(r.ConsoleUser, password+"x") || !b.login(r.ConsoleUser, password) {
		t.Fatal("the password of the file is not the one")
	}
	p.kill()
	if strings.Contains(p.logs.String(), password) {
		t.Error("the password is in the log")
	}
	again := serve(t, "--listen", "127.0.0.1:0", "--data", dir)
	if again.ready.ConsoleUser != r.ConsoleUser || again.ready.ConsolePasswordFile != r.ConsolePasswordFile {
		t.Errorf("the second start says %+v", again.ready)
	}
	if _, at, _ := b.open("/account", nil); at != "/console/account" {
		t.Errorf("the login did not outlive the process: at %s", at)
	}
	if _, at, _ := b.open("/account/password", url.Values{"password": {password}, "new_password": {"a password of my own"}, "new_password_again": {"a password of my own"}}); at != "/console/account?notice=done.password" {
		t.Errorf("a new password: at %s", at)
	}
	again.stop()
	if third := serve(t, "--listen", "127.0.0.1:0", "--data", dir); third.ready.ConsoleUser != r.ConsoleUser || third.ready.ConsolePasswordFile != "" {
		t.Errorf("after a change of the password the ready line says %+v", third.ready)
	}
}

// Commands keep users beside a running gateway, and hold at once.
func TestConsoleUsersByCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", dir)
	run := func(code int, args ...string) string {
		t.Helper()
		out, errors, got := command(t, append(append([]string{"console-user"}, args...), "--data", dir)...)
		if got != code {
			t.Fatalf("console-user %v: exit %d, want %d\n%s%s", args, got, code, out, errors)
		}
		return out
	}
	secret := filepath.Join(dir, "secret.txt")
	if err := os.WriteFile(secret, []byte("the word of passing 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(0, "add", "--name", "anna", "--role", "finance", "--merchant", p.ready.MerchantID, "--password-file", secret)
	run(1, "add", "--name", "anna", "--role", "finance", "--password-file", secret)
	run(1, "add", "--name", "carl", "--role", "finance", "--merchant", "mer_nobody", "--password-file", secret)
	run(2, "add", "--name", "An na", "--role", "finance", "--password-file", secret)
	run(2, "add", "--name", "dora", "--role", "owner", "--password-file", secret)
	run(1, "disable", "--name", "nobody")
	b := newStaffBrowser(t, p.ready.Console)
	if !b.login("anna", "the word of passing 7") {
		t.Fatal("anna cannot log in")
	}
	if _, _, status := b.open("/users", nil); status != http.StatusForbidden {
		t.Errorf("finance opens the users: %d", status)
	}
	var made struct {
		PasswordFile string `json:"password_file"`
	}
	if err := json.Unmarshal([]byte(run(0, "add", "--name", "ben", "--role", "operations", "--json")), &made); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(made.PasswordFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of a password that was made: %v, %v", info, err)
	}
	if !newStaffBrowser(t, p.ready.Console).login("ben", strings.TrimSpace(string(read(t, made.PasswordFile)))) {
		t.Error("ben cannot log in")
	}
	run(0, "disable", "--name", "anna")
	if _, at, _ := b.open("/account", nil); !strings.HasPrefix(at, "/console/login") {
		t.Errorf("a disabled user is still in: at %s", at)
	}
	run(0, "enable", "--name", "anna")
	run(0, "totp-reset", "--name", "anna")
	run(0, "password", "--name", "anna", "--out", filepath.Join(dir, "new.txt"))
	if fresh := newStaffBrowser(t, p.ready.Console); fresh.login("anna", "the word of passing 7") || !fresh.login("anna", strings.TrimSpace(string(read(t, filepath.Join(dir, "new.txt"))))) {
		t.Error("the new password is not the one")
	}
	var list struct {
		Data []struct{ Name, Role string } `json:"data"`
	}
	if err := json.Unmarshal([]byte(run(0, "list", "--json")), &list); err != nil || len(list.Data) != 3 {
		t.Errorf("the list is %+v, %v", list, err)
	}
}

// TestBrowserConsole goes the way of a finance user in Chromium: log in, close
// the day, look at it, explain what differs, fetch the file, look an order up.
func TestBrowserConsole(t *testing.T) {
	if os.Getenv("PAYMUX_TEST_BROWSER") != "1" {
		t.Skip("SKIPPED: the console is tried in a browser only with PAYMUX_TEST_BROWSER=1, which make test-all sets")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	pictures := os.Getenv("PAYMUX_TEST_PICTURES")
	if pictures == "" {
		pictures = t.TempDir()
	}
	dir := t.TempDir()
	p := serve(t, "--listen", "127.0.0.1:0", "--data", dir)
	m := p.merchant()
	b := openBooks(t, m, "--data", dir)
	b.tamper("alipay", object{"kind": "wrong_amount", "out_trade_no": b.open["alipay"]})
	b.tamper("wechatpay", object{"kind": "lost_row", "out_trade_no": b.open["wechatpay"]})
	b.control(http.MethodPost, "/_control/clock", object{"advance": "48h"}, 0)
	in, err := json.Marshal(map[string]any{
		"base": p.ready.Console, "user": p.ready.ConsoleUser, "password": strings.TrimSpace(string(read(t, p.ready.ConsolePasswordFile))),
		"day": businessDay("alipay"), "order": "books-wechatpay-2", "attempt": b.open["wechatpay"], "downloads": dir,
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join("testdata", "browser", "console.js"), chromium, pictures)
	cmd.Stdin = strings.NewReader(string(in))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := list(m.call(http.MethodGet, "/v1/reconciliations/"+b.newest("alipay").text("id")+"/discrepancies", nil, http.StatusOK)["data"])
	if len(found) != 1 || found[0].text("kind") != "amount_mismatch" || found[0].text("status") != "resolved" {
		t.Errorf("the API says of what was explained: %v", found)
	}
	workbook := read(t, filepath.Join(dir, "statement.xlsx"))
	if string(workbook) != b.file(businessDay("alipay")+".xlsx") {
		t.Errorf("the console's workbook of %d bytes is not the API's", len(workbook))
	}
}
