package acceptance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/paymux/paymux/internal/testenv"
)

// cluster is an installation on MariaDB and Redis, each behind a proxy that a
// test may cut, with the sandbox in a process of its own.
type cluster struct {
	t               *testing.T
	database, redis *testenv.TCPProxy
	config          string
	merchant        ready
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	dir := t.TempDir()
	dsn, err := mysql.ParseDSN(testenv.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	if dsn.Net != "tcp" {
		t.Fatalf("the tests' MariaDB is reached over %s, a proxy needs tcp", dsn.Net)
	}
	redisAddr, redisDB := testenv.Redis(t)
	c := &cluster{t: t, database: testenv.Proxy(t, dsn.Addr), redis: testenv.Proxy(t, redisAddr), config: filepath.Join(dir, "paymux.yaml")}
	dsn.Addr = c.database.Addr()
	c.write(dir, "dsn", dsn.FormatDSN())
	c.write(dir, "master.key", "8J2Jc1u0q0h4S8m1Yd0pQy5Yb0cX3bq2K1o5u5T9m3k=")
	c.write(dir, "paymux.yaml", fmt.Sprintf(`
server: {listen: "127.0.0.1:0"}
database: {driver: mysql, dsn_file: %q, timeout: 3s, lock_wait: 3s}
redis: {addr: %q, db: %d}
secrets: {master_key_file: %q}
limits: {requests_per_second: 2000, burst: 4000}
payments:
  call_timeout: 3s
  call_margin: 1s
  late_margin: 5s
  unknown_ladder: [500ms, 1s, 2s]
  pending_ladder: [3s]
  barcode_ladder: [1s]
  refund_ladder: [500ms, 1s]
  late_ladder: [1s, 2s]
webhooks: {allow_loopback: true}
workers: {poll: 200ms, lease: 15s}
`, filepath.Join(dir, "dsn"), c.redis.Addr(), redisDB, filepath.Join(dir, "master.key")))
	c.run("migrate", "up", "--config", c.config)
	sandbox := c.startSandbox(filepath.Join(dir, "sandbox"))
	out := c.run("merchant", "create", "--config", c.config, "--name", "Tea shop", "--sandbox-accounts", "--sandbox", sandbox,
		"--out", filepath.Join(dir, "merchant"), "--json")
	if err := json.Unmarshal([]byte(out), &c.merchant); err != nil {
		t.Fatalf("merchant create --json printed %q: %v", out, err)
	}
	c.merchant.Sandbox = sandbox
	return c
}

func (c *cluster) write(dir, name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// run runs a command of the binary to its end.
func (c *cluster) run(args ...string) string {
	c.t.Helper()
	cmd := exec.Command(binary, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("paymux %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

func (c *cluster) startSandbox(dir string) string {
	c.t.Helper()
	cmd := exec.Command(binary, "sandbox", "--listen", "127.0.0.1:0", "--data", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var line ready
	scanner := bufio.NewScanner(stdout)
	if !scanner.Scan() || json.Unmarshal(scanner.Bytes(), &line) != nil || line.Sandbox == "" {
		c.t.Fatalf("the sandbox did not say where it is: %q", scanner.Text())
	}
	return line.Sandbox
}

// serve starts one more gateway and gives the merchant's client for it.
func (c *cluster) serve() (*process, *merchant) {
	c.t.Helper()
	p := serve(c.t, "--config", c.config)
	r := c.merchant
	r.API = p.ready.API
	return p, newMerchant(c.t, r)
}

func TestTwoGatewaysOnOneDatabase(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	pa, a := c.serve()
	_, b := c.serve()

	t.Run("the closed loop over both", func(t *testing.T) {
		created := a.call(http.MethodPost, "/v1/payments", a.order("cluster-1", "qr", 1000), http.StatusCreated)
		again := b.call(http.MethodPost, "/v1/payments", a.order("cluster-1", "qr", 1000), http.StatusOK)
		if again.text("id") != created.text("id") {
			t.Fatalf("the other gateway made another payment: %v", again)
		}
		b.pay(created["action"])
		b.await(created.text("id"), "succeeded")
		a.awaitEvent("payment.succeeded", created.text("id"))
		r := b.call(http.MethodPost, "/v1/refunds", object{"merchant_refund_no": "cluster-1", "payment_id": created.text("id"), "amount": 400}, http.StatusCreated)
		a.awaitThat("the refund", "/v1/refunds/"+r.text("id"), func(o object) bool { return o.text("status") == "succeeded" })
	})

	t.Run("64 creates of one order, 64 refunds of one payment, on both", func(t *testing.T) {
		both := []*merchant{a, b}
		var wg sync.WaitGroup
		ids := make([]string, 64)
		for i := range ids {
			wg.Go(func() {
				_, o, err := both[i%2].try(http.MethodPost, "/v1/payments", a.order("cluster-race", "barcode", 1000))
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = o.text("id")
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id == "" || id != ids[0] {
				t.Fatalf("different payments for one order: %v", ids)
			}
		}
		paid := a.await(ids[0], "succeeded")
		var taken sync.Map
		for i := range 64 {
			wg.Go(func() {
				status, _, err := both[i%2].try(http.MethodPost, "/v1/refunds", object{
					"merchant_refund_no": fmt.Sprintf("cluster-race-%d", i), "payment_id": ids[0], "amount": 300,
				})
				if err != nil {
					t.Error(err)
				}
				if status == http.StatusCreated || status == http.StatusAccepted {
					taken.Store(i, true)
				}
			})
		}
		wg.Wait()
		n := 0
		taken.Range(func(any, any) bool { n++; return true })
		if n != 3 {
			t.Errorf("%d refunds of 300 were taken of 1000", n)
		}
		a.awaitThat("three refunds", "/v1/payments/"+ids[0], func(o object) bool { return o.number("refunded_amount") == 900 })
		books := a.books(paid.attemptID())
		if books.number("times_paid") != 1 || returned(books) != 900 {
			t.Errorf("the channel's books: %v", books)
		}
	})

	t.Run("an order of a gateway that died is settled by the other", func(t *testing.T) {
		a.control(http.MethodPost, "/_control/notifications", object{"channel": "alipay", "drop_rate": 1}, 0)
		a.fault(object{"operation": "pay", "kind": "hang_after", "count": 1})
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			_, _, _ = a.try(http.MethodPost, "/v1/payments", a.order("cluster-died", "barcode", 1200))
		}()
		b.awaitThat("the charge at the channel", "/v1/payments?merchant_order_no=cluster-died", func(o object) bool {
			data, _ := o["data"].([]any)
			if len(data) == 0 {
				return false
			}
			first, _ := data[0].(map[string]any)
			return chargedOnce(b, object(first).attemptID())
		})
		pa.kill()
		<-gone
		b.faultsEnd()
		b.control(http.MethodPost, "/_control/notifications", object{}, 0)
		found := b.awaitThat("the order to be settled", "/v1/payments?merchant_order_no=cluster-died", func(o object) bool {
			data, _ := o["data"].([]any)
			first, _ := data[0].(map[string]any)
			return object(first).text("status") == "succeeded"
		})
		data, _ := found["data"].([]any)
		if len(data) != 1 {
			t.Errorf("%d payments for one order", len(data))
		}
	})
}

// chargedOnce tells whether the channel's books hold the charge.
func chargedOnce(m *merchant, attemptID string) bool {
	req, err := http.NewRequest(http.MethodGet, m.sandbox+"/_control/trades/"+attemptID, nil) //nolint:noctx // a test's own server
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	var books object
	return json.NewDecoder(res.Body).Decode(&books) == nil && books.number("times_paid") == 1
}

func TestCallbackWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	_, m := c.serve()
	created := m.call(http.MethodPost, "/v1/payments", m.order("db-down", "qr", 1500), http.StatusCreated)
	c.database.Cut()
	m.pay(created["action"])
	refused := func() bool {
		notifications, _ := m.books(created.attemptID())["notifications"].([]any)
		for _, n := range notifications {
			n, _ := n.(map[string]any)
			if acknowledged, _ := n["acknowledged"].(bool); acknowledged {
				t.Fatalf("a callback was acknowledged while the database was down: %v", n)
			}
		}
		return len(notifications) > 0
	}
	deadline := time.Now().Add(patience)
	for !refused() {
		if time.Now().After(deadline) {
			t.Fatal("the sandbox sent no callback")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if status, o, err := m.try(http.MethodPost, "/v1/payments", m.order("db-down-2", "qr", 1500)); err == nil && status != http.StatusServiceUnavailable {
		t.Errorf("without a database a create was answered %d: %v", status, o)
	}
	c.database.Restore()
	m.await(created.text("id"), "succeeded")
	m.awaitEvent("payment.succeeded", created.text("id"))
	if n := m.hook.count("payment.succeeded", created.text("id")); n != 1 {
		t.Errorf("%d events for one success", n)
	}
}

func TestRedisIsNotNeededToBeRight(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	_, m := c.serve()
	sent := m.capture(http.MethodPost, "/v1/payments", m.order("redis-1", "barcode", 1600))
	if sent.status != http.StatusCreated {
		t.Fatalf("create answered %d", sent.status)
	}
	c.redis.Cut()
	if status := sent.again(t); status != http.StatusUnauthorized {
		t.Errorf("a write was replayed while Redis was gone: %d", status)
	}
	created := m.call(http.MethodPost, "/v1/payments", m.order("redis-2", "qr", 1700), http.StatusCreated)
	m.pay(created["action"])
	m.await(created.text("id"), "succeeded")
	var health object
	res, err := http.Get(m.client.BaseURL + "/readyz") //nolint:noctx // a test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(&health); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("without Redis the gateway is not ready: %d %v", res.StatusCode, health)
	}
	c.redis.Restore()
	if status := sent.again(t); status != http.StatusUnauthorized {
		t.Errorf("a write was replayed after Redis came back: %d", status)
	}
	m.call(http.MethodGet, "/v1/payments/"+created.text("id"), nil, http.StatusOK)
}
