package acceptance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/paymux/paymux/signing"
)

// patience bounds every wait; a test that comes so far has failed.
const patience = 30 * time.Second

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "paymux-acceptance")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "paymux")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/paymux")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "the binary under test cannot be built:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// ready is the line that serve prints.
type ready struct {
	Event                 string `json:"event"`
	API                   string `json:"api"`
	Sandbox               string `json:"sandbox"`
	MerchantID            string `json:"merchant_id"`
	KeyFile               string `json:"key_file"`
	KeySerial             string `json:"key_serial"`
	PlatformPublicKeyFile string `json:"platform_public_key_file"`
	WebhookSecretFile     string `json:"webhook_secret_file"`
	Console               string `json:"console"`
	ConsoleUser           string `json:"console_user"`
	ConsolePasswordFile   string `json:"console_password_file"`
}

// process is a running serve.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	ready ready
	logs  *syncBuffer
	done  chan struct{}
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// serve starts the gateway and waits for its ready line.
func serve(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, logs: &syncBuffer{}, done: make(chan struct{})}
	p.cmd = exec.Command(binary, append([]string{"serve"}, args...)...)
	p.cmd.Stderr = p.logs
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1)
	go func() {
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			default:
			}
		}
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("log of the gateway:\n%s", tail(p.logs.String(), 8000))
		}
	})
	select {
	case line := <-lines:
		if err := json.Unmarshal([]byte(line), &p.ready); err != nil || p.ready.Event != "ready" {
			t.Fatalf("the first line on stdout is not the ready line: %q (%v)", line, err)
		}
	case <-p.done:
		t.Fatalf("serve ended before it was ready:\n%s", p.logs)
	case <-time.After(patience):
		t.Fatalf("serve was not ready within %s:\n%s", patience, p.logs)
	}
	return p
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// stop ends it as an operator would and gives its exit code.
func (p *process) stop() int {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatal("serve did not stop on SIGTERM")
	}
	return p.cmd.ProcessState.ExitCode()
}

// merchant is a merchant's backend.
type merchant struct {
	t       *testing.T
	client  *signing.Client
	sandbox string
	hook    *hook
}

func (p *process) merchant() *merchant {
	p.t.Helper()
	return newMerchant(p.t, p.ready)
}

func newMerchant(t *testing.T, r ready) *merchant {
	t.Helper()
	key, err := signing.ParsePrivateKeyPEM(read(t, r.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	client := &signing.Client{
		BaseURL: r.API, MerchantID: r.MerchantID, Serial: r.KeySerial, Key: key,
		HTTP: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if client.PlatformKeys, err = client.FetchPlatformKeys(ctx); err != nil {
		t.Fatal(err)
	}
	secret, err := signing.ParseWebhookSecret(strings.TrimSpace(string(read(t, r.WebhookSecretFile))))
	if err != nil {
		t.Fatal(err)
	}
	return &merchant{t: t, client: client, sandbox: r.Sandbox, hook: newHook(t, secret)}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// object is a JSON object of an answer.
type object map[string]any

func (o object) text(key string) string {
	s, _ := o[key].(string)
	return s
}

func (o object) number(key string) int64 {
	n, _ := o[key].(float64)
	return int64(n)
}

// attemptID is the order number that the channel sees.
func (o object) attemptID() string {
	attempts, _ := o["attempts"].([]any)
	if len(attempts) == 0 {
		return ""
	}
	last, _ := attempts[len(attempts)-1].(map[string]any)
	return object(last).text("id")
}

// try makes a signed request and gives whatever was answered.
func (m *merchant) try(method, target string, in any) (int, object, error) {
	var body []byte
	switch in := in.(type) {
	case nil:
	case []byte:
		body = in
	default:
		var err error
		if body, err = json.Marshal(in); err != nil {
			return 0, nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := m.client.Do(ctx, method, target, body)
	if err != nil {
		return 0, nil, err
	}
	var out object
	if err := json.Unmarshal(answer.Body, &out); err != nil {
		return 0, nil, fmt.Errorf("answer %d is not a JSON object: %s", answer.Status, answer.Body)
	}
	return answer.Status, out, nil
}

// call makes a signed request that must be answered with a status.
func (m *merchant) call(method, target string, in any, want int) object {
	m.t.Helper()
	status, out, err := m.try(method, target, in)
	if err != nil {
		m.t.Fatalf("%s %s: %v", method, target, err)
	}
	if status != want {
		m.t.Fatalf("%s %s answered %d, want %d: %v", method, target, status, want, out)
	}
	return out
}

// Codes and ids of payers, by the forms that each channel gives them.
var (
	authCodes = map[string]string{"alipay": "281234567890123456", "wechatpay": "131234567890123456", "unionpay": "6212345678901234567"}
	payers    = map[string]string{"alipay": "2088102146225135", "wechatpay": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}
)

// order is the body of a payment to create at Alipay.
func (m *merchant) order(no, scene string, amount int64) object {
	return m.orderAt("alipay", no, scene, amount)
}

func (m *merchant) orderAt(channel, no, scene string, amount int64) object {
	o := object{
		"merchant_order_no": no, "amount": amount, "subject": "验收 " + no, "scene": scene, "channel": channel, "notify_url": m.hook.url,
	}
	switch scene {
	case "barcode":
		o["auth_code"] = authCodes[channel]
	case "jsapi":
		o["payer_id"] = payers[channel]
	case "h5":
		o["client_ip"] = "203.0.113.7"
	}
	return o
}

func (m *merchant) pay(action any) {
	m.control(http.MethodPost, "/_control/pay", object{"action": action, "result": "pay"}, 0)
}

// await reads a payment until it has a status.
func (m *merchant) await(id, status string) object {
	m.t.Helper()
	return m.awaitThat("payment "+id+" to be "+status, "/v1/payments/"+id, func(o object) bool { return o.text("status") == status })
}

func (m *merchant) awaitThat(what, target string, ok func(object) bool) object {
	m.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		status, o, err := m.try(http.MethodGet, target, nil)
		if err == nil && status == http.StatusOK && ok(o) {
			return o
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("waited in vain for %s: %d %v %v", what, status, o, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// control makes a control call of the sandbox; want 0 means any 2xx.
func (m *merchant) control(method, path string, in any, want int) object {
	m.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		m.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, m.sandbox+path, bytes.NewReader(text))
	if err != nil {
		m.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	if (want == 0 && res.StatusCode/100 != 2) || (want != 0 && res.StatusCode != want) {
		m.t.Fatalf("sandbox %s answered %d: %s", path, res.StatusCode, body)
	}
	var out object
	_ = json.Unmarshal(body, &out)
	return out
}

// books gives the simulator's own trade.
func (m *merchant) books(attemptID string) object {
	m.t.Helper()
	return m.control(http.MethodGet, "/_control/trades/"+attemptID, object{}, http.StatusOK)
}

func (m *merchant) fault(f object) {
	m.t.Helper()
	f["channel"] = "alipay"
	m.control(http.MethodPost, "/_control/faults", f, 0)
}

func (m *merchant) faultsEnd() {
	m.t.Helper()
	m.control(http.MethodDelete, "/_control/faults", object{}, 0)
}

// hook is the merchant's endpoint for webhooks.
type hook struct {
	url string

	mu     sync.Mutex
	events []object
	status int
	bad    []error
}

func newHook(t *testing.T, secret []byte) *hook {
	h := &hook{status: http.StatusNoContent}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = signing.VerifyWebhook([][]byte{secret}, r.Header, body, time.Now(), 5*time.Minute)
		}
		var e object
		if err == nil {
			err = json.Unmarshal(body, &e)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if err != nil {
			h.bad = append(h.bad, err)
		} else {
			h.events = append(h.events, e)
		}
		w.WriteHeader(h.status)
	}))
	t.Cleanup(server.Close)
	h.url = server.URL + "/hook"
	return h
}

// count is how many different events of a type arrived about a resource.
func (h *hook) count(typ, id string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := map[string]bool{}
	for _, e := range h.events {
		data, _ := e["data"].(map[string]any)
		if e.text("type") == typ && object(data).text("id") == id {
			ids[e.text("id")] = true
		}
	}
	return len(ids)
}

func (m *merchant) awaitEvent(typ, id string) {
	m.t.Helper()
	deadline := time.Now().Add(patience)
	for m.hook.count(typ, id) == 0 {
		if time.Now().After(deadline) {
			m.hook.mu.Lock()
			defer m.hook.mu.Unlock()
			m.t.Fatalf("the webhook %s about %s did not arrive; bad ones: %v", typ, id, m.hook.bad)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
