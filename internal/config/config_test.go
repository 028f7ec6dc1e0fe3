package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/paymux/paymux/internal/config"
)

const examples = "../../configs"

// needed is what Default leaves to the operator.
func needed(c config.Config) config.Config {
	c.Database.Path = "paymux.db"
	c.Secrets.MasterKeyFile = "master.key"
	return c
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "paymux.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExampleDocumentsEveryKeyWithItsDefault(t *testing.T) {
	got, err := config.Load(config.Default(), filepath.Join(examples, "paymux.example.yaml"),
		[]string{"PAYMUX_DATABASE_PATH=paymux.db", "PAYMUX_SECRETS_MASTER_KEY_FILE=master.key"})
	if err != nil {
		t.Fatal(err)
	}
	got.Secrets.PreviousMasterKeyFiles, got.Webhooks.Ports = nil, nil // written as [] in the file
	if want := needed(config.Default()); !reflect.DeepEqual(got, want) {
		t.Errorf("the example differs from the defaults:\n%+v\n%+v", got, want)
	}
	text, err := os.ReadFile(filepath.Join(examples, "paymux.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var written map[string]map[string]any
	if err := yaml.Unmarshal(text, &written); err != nil {
		t.Fatal(err)
	}
	sections := reflect.TypeFor[config.Config]()
	for i := range sections.NumField() {
		section := sections.Field(i)
		for j := range section.Type.NumField() {
			key := section.Type.Field(j).Tag.Get("yaml")
			if _, ok := written[section.Tag.Get("yaml")][key]; !ok {
				t.Errorf("the example lacks %s.%s", section.Tag.Get("yaml"), key)
			}
		}
	}
}

func TestEmbeddedIsValid(t *testing.T) {
	if err := config.Embedded("data").Validate(); err != nil {
		t.Error(err)
	}
}

func TestLoadReportsAllFaultsTogether(t *testing.T) {
	path := write(t, `
server:
  listen: nonsense
  lissten: 127.0.0.1:1
payments:
  call_timeout: soon
  max_attempts: 0
log:
  level: loud
`)
	_, err := config.Load(config.Default(), path, []string{"PAYMUX_SERVER_LISTENN=x", "PAYMUX_REDIS_DB=many", "PAYMUX_LOG_FORMAT="})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"lissten", "soon", "PAYMUX_SERVER_LISTENN", "PAYMUX_REDIS_DB", "line 4"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %q:\n%v", want, err)
		}
	}
	path = write(t, "server: {listen: nonsense}\npayments: {max_attempts: 0, pending_ladder: [0s]}\nlog: {level: loud}\nworkers: {lease: 1s}\n")
	_, err = config.Load(config.Default(), path, nil)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"server.listen", "payments.max_attempts", "payments.pending_ladder", "log.level", "workers.lease", "database.path", "secrets.master_key_file"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %q:\n%v", want, err)
		}
	}
}

func TestEveryFaultIsFound(t *testing.T) {
	for name, text := range map[string]string{
		"unknown section":    "serverr: {}\n",
		"other case":         "Server: {}\n",
		"duplicate key":      "server: {listen: 127.0.0.1:1, listen: 127.0.0.1:2}\n",
		"two documents":      "log: {level: info}\n---\nlog: {level: warn}\n",
		"not yaml":           "server: [\n",
		"unknown driver":     "database: {driver: oracle}\n",
		"mysql without dsn":  "database: {driver: mysql}\n",
		"both dsn":           "database: {driver: mysql, dsn: a, dsn_file: b}\n",
		"missing dsn file":   "database: {driver: mysql, dsn_file: not-there}\n",
		"both master keys":   "secrets: {master_key: a}\n",
		"public url":         "server: {public_url: 'ftp://x'}\n",
		"public url query":   "server: {public_url: 'https://x/?a=b'}\n",
		"negative redis db":  "redis: {db: -1}\n",
		"write timeout":      "server: {write_timeout: 1s}\n",
		"burst":              "limits: {burst: 1}\n",
		"expiry":             "payments: {default_expiry: 1m}\n",
		"empty ladder":       "payments: {refund_ladder: []}\n",
		"sandbox dir":        "sandbox: {enabled: true}\n",
		"port out of range":  "webhooks: {ports: [70000]}\n",
		"number for a text":  "server: {listen: [1]}\n",
		"negative body size": "server: {max_body_bytes: -1}\n",
	} {
		if _, err := config.Load(needed(config.Default()), write(t, text), nil); err == nil {
			t.Errorf("%s: accepted %q", name, text)
		}
	}
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	path := write(t, "server: {listen: 127.0.0.1:1}\nlog: {level: warn}\n")
	got, err := config.Load(needed(config.Default()), path, []string{
		"PAYMUX_SERVER_LISTEN=127.0.0.1:2", "PAYMUX_LOG_LEVEL=", "PAYMUX_PAYMENTS_UNKNOWN_LADDER=1s, 2s", "PAYMUX_WEBHOOKS_PORTS=443,8443",
		"PAYMUX_SANDBOX_NOTIFY_SCALE=1", "PAYMUX_REDIS_PASSWORD=12: 'x", "PAYMUX_PROFILE=p", "PAYMUX_VECTORS=v", "PAYMUX_TEST_NODE=1", "OTHER=x",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Server.Listen != "127.0.0.1:2" || got.Log.Level != "warn" || got.Sandbox.NotifyScale != 1 || got.Redis.Password.Reveal() != "12: 'x" {
		t.Errorf("%+v", got)
	}
	if want := []time.Duration{time.Second, 2 * time.Second}; !reflect.DeepEqual(got.Payments.UnknownLadder, want) {
		t.Errorf("ladder %v", got.Payments.UnknownLadder)
	}
	if want := []uint16{443, 8443}; !reflect.DeepEqual(got.Webhooks.Ports, want) {
		t.Errorf("ports %v", got.Webhooks.Ports)
	}
}

func TestSecretsNeverShow(t *testing.T) {
	const canary = "canary-7c1e"
	c := needed(config.Default())
	c.Database.DSN = config.NewSecret(canary)
	c.Redis.Password = config.NewSecret(canary)
	inJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	inYAML, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("config", "config", c, "dsn", c.Database.DSN)
	for _, shown := range []string{
		fmt.Sprint(c), fmt.Sprintf("%v %+v %#v", c, c, c), fmt.Sprintf("%s %q %x", c.Database.DSN, c.Database.DSN, c.Database.DSN), string(inJSON), string(inYAML), logged.String(),
	} {
		if strings.Contains(shown, canary) || strings.Contains(shown, fmt.Sprintf("%x", canary)) {
			t.Errorf("a secret shows in %s", shown)
		}
	}
}

func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile(filepath.Join(examples, "paymux.example.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example), "")
	f.Add("server: {listen: 127.0.0.1:0}", "PAYMUX_PAYMENTS_UNKNOWN_LADDER=1s,2s")
	f.Add("a: &a [*a]", "PAYMUX_LIMITS_BURST=0x10")
	f.Add("database: !!binary x", "PAYMUX_DATABASE_DSN=:::")
	f.Fuzz(func(t *testing.T, text, variable string) {
		path := filepath.Join(t.TempDir(), "paymux.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(needed(config.Default()), path, []string{variable})
		if err == nil {
			if err := cfg.Validate(); err != nil {
				t.Fatalf("loaded what is not valid: %v", err)
			}
		}
	})
}

func TestStatementLanguageIsOneOfTwo(t *testing.T) {
	c := config.Default()
	for language, good := range map[string]bool{"zh": true, "en": true, "": false, "fr": false} {
		c.Reconciliation.StatementLanguage = language
		if err := c.Validate(); good == (err != nil && strings.Contains(err.Error(), "reconciliation.statement_language")) {
			t.Errorf("%q: %v", language, err)
		}
	}
}
