package acceptance

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// canaries are secrets and personal data that go through the gateway.
var canaries = map[string]string{
	"the payer's code": "289876501234567893",
	"the payer's id":   "2088777766665555",
	"the payer's ip":   "203.0.113.199",
}

// TestInvariant_11_SecretsStayOut sends secrets and personal data through a
// whole loop, with errors on the way, and looks for them in logs, metrics,
// answers to others and the databases' bytes.
func TestInvariant_11_SecretsStayOut(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		p := serve(t, "--listen", "127.0.0.1:0", "--data", dir)
		m := p.merchant()
		secrets := exercise(t, m, read(t, p.ready.WebhookSecretFile), read(t, p.ready.KeyFile))
		search(t, secrets, "the log", p.logs.String())
		search(t, secrets, "the metrics", metricsOf(t, p.ready.API))
		p.kill()
		found := false
		for _, name := range []string{"paymux.db", "paymux.db-wal"} {
			if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
				search(t, secrets, name, string(text))
				found = found || strings.Contains(string(text), "canary-barcode")
			}
		}
		if !found {
			t.Error("the search does not even find an order number in the database's files")
		}
	})
	t.Run("mariadb", func(t *testing.T) {
		c := newCluster(t)
		p, m := c.serve()
		secrets := exercise(t, m, read(t, c.merchant.WebhookSecretFile), read(t, c.merchant.KeyFile))
		search(t, secrets, "the log", p.logs.String())
		search(t, secrets, "the metrics", metricsOf(t, p.ready.API))
		dump := c.dump()
		search(t, secrets, "a dump of the database", dump)
		if !strings.Contains(dump, "canary-barcode") {
			t.Error("the search does not even find an order number in the dump")
		}
	})
}

// exercise makes payments that carry every canary, some of which go wrong, and
// lists what must not be seen.
func exercise(t *testing.T, m *merchant, webhookSecret, merchantKey []byte) map[string]string {
	t.Helper()
	secrets := map[string]string{
		"the webhook secret": strings.TrimSpace(strings.TrimPrefix(string(webhookSecret), "whsec_")),
		"the merchant's key": pemLine(string(merchantKey)),
	}
	for what, canary := range canaries {
		secrets[what] = canary
	}
	credentials := m.control(http.MethodGet, "/_control/credentials", object{}, 0)
	alipay, _ := credentials["alipay"].(map[string]any)
	secrets["the account's private key"] = pemLine(object(alipay).text("app_private_key"))
	secrets["the account's encrypt key"] = object(alipay).text("encrypt_key")

	barcode := m.order("canary-barcode", "barcode", 1100)
	barcode["auth_code"] = canaries["the payer's code"]
	o := m.call(http.MethodPost, "/v1/payments", barcode, http.StatusCreated)
	m.await(o.text("id"), "succeeded")
	jsapi := m.order("canary-jsapi", "jsapi", 1200)
	jsapi["payer_id"] = canaries["the payer's id"]
	m.call(http.MethodPost, "/v1/payments", jsapi, http.StatusCreated)
	h5 := m.order("canary-h5", "h5", 1300)
	h5["client_ip"] = canaries["the payer's ip"]
	h5o := m.call(http.MethodPost, "/v1/payments", h5, http.StatusCreated)
	m.pay(h5o["action"])
	m.await(h5o.text("id"), "succeeded")

	for i, kind := range []string{"html_502", "bad_signature", "unsigned", "reset_after", "decline"} {
		m.fault(object{"operation": "pay", "kind": kind, "count": 1})
		broken := m.order(fmt.Sprintf("canary-%d", i), "barcode", 1400)
		broken["auth_code"] = canaries["the payer's code"]
		if _, _, err := m.try(http.MethodPost, "/v1/payments", broken); err != nil {
			t.Error(err)
		}
	}
	m.faultsEnd()
	wrong := m.order("canary-wrong", "barcode", 0)
	wrong["auth_code"], wrong["payer_id"] = canaries["the payer's code"], canaries["the payer's id"]
	refused := m.call(http.MethodPost, "/v1/payments", wrong, http.StatusBadRequest)
	text, err := json.Marshal(refused)
	if err != nil {
		t.Fatal(err)
	}
	search(t, secrets, "a problem document", string(text))
	return secrets
}

// pemLine is a line out of the middle of a PEM text.
func pemLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)/2]
}

func search(t *testing.T, secrets map[string]string, where, text string) {
	t.Helper()
	for what, secret := range secrets {
		if len(secret) < 8 {
			t.Fatalf("%s is too short to be looked for: %q", what, secret)
		}
		if strings.Contains(text, secret) {
			t.Errorf("%s stands in %s", what, where)
		}
	}
}

func metricsOf(t *testing.T, api string) string {
	t.Helper()
	res, err := http.Get(api + "/metrics") //nolint:noctx // a test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// dump gives every row of every table as text.
func (c *cluster) dump() string {
	c.t.Helper()
	dsn, err := mysql.ParseDSN(strings.TrimSpace(string(read(c.t, filepath.Join(filepath.Dir(c.config), "dsn")))))
	if err != nil {
		c.t.Fatal(err)
	}
	db, err := sql.Open("mysql", dsn.FormatDSN())
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var b strings.Builder
	for _, table := range c.column(db, "SHOW TABLES") {
		c.dumpTable(&b, db, table)
	}
	return b.String()
}

func (c *cluster) dumpTable(b *strings.Builder, db *sql.DB, table string) {
	c.t.Helper()
	rows, err := db.QueryContext(context.Background(), "SELECT * FROM `"+table+"`")
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		c.t.Fatal(err)
	}
	values := make([]sql.RawBytes, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			c.t.Fatal(err)
		}
		for _, v := range values {
			b.Write(v)
			b.WriteByte('\n')
		}
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) column(db *sql.DB, query string) []string {
	c.t.Helper()
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			c.t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
	return out
}
