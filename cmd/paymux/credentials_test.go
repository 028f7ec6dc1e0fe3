package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels/alipay"
	"github.com/paymux/paymux/channels/unionpay"
	"github.com/paymux/paymux/channels/wechatpay"
)

func TestCredentialsTakeFilesByName(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("key.pem", "-----BEGIN KEY-----\nabc\n-----END KEY-----\n")
	write("store.pfx", "\x00\x01\xff")
	env := &environment{stdin: strings.NewReader(`{"app_id":"1"}`)}
	got, err := env.readCredentials(write("ok.json", `{"app_id":"1","app_private_key_file":"key.pem","pfx_base64_file":"store.pfx"}`))
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]string
	if err := json.Unmarshal(got, &members); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"app_id": "1", "app_private_key": "-----BEGIN KEY-----\nabc\n-----END KEY-----", "pfx_base64": "AAH/"}
	if len(members) != len(want) {
		t.Errorf("got %v", members)
	}
	for name, value := range want {
		if members[name] != value {
			t.Errorf("%s is %q, want %q", name, members[name], value)
		}
	}
	for name, text := range map[string]string{
		"both":    `{"app_private_key":"x","app_private_key_file":"key.pem"}`,
		"missing": `{"app_private_key_file":"not-there.pem"}`,
		"number":  `{"app_private_key_file":1}`,
	} {
		if _, err := env.readCredentials(write(name+".json", text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if got, err := env.readCredentials("-"); err != nil || string(got) != `{"app_id":"1"}` {
		t.Errorf("stdin: %q %v", got, err)
	}
}

// TestExampleAccountsNameKnownKeys holds the examples against what the channels
// take: the files that they name are an operator's own.
func TestExampleAccountsNameKnownKeys(t *testing.T) {
	channels := map[string]reflect.Type{
		"alipay": reflect.TypeFor[alipay.Config](), "wechatpay": reflect.TypeFor[wechatpay.Config](), "unionpay": reflect.TypeFor[unionpay.Config](),
	}
	examples, err := filepath.Glob("../../configs/accounts/*.json")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range examples {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		channel, _, _ := strings.Cut(filepath.Base(path), ".")
		config, ok := channels[channel]
		if !ok {
			t.Errorf("%s is of no channel", path)
			continue
		}
		var known []string
		for i := range config.NumField() {
			name, _, _ := strings.Cut(config.Field(i).Tag.Get("json"), ",")
			known = append(known, name)
		}
		for name := range members {
			if name = strings.TrimSuffix(name, fileSuffix); !slices.Contains(known, name) {
				t.Errorf("%s: %s is no credential of %s; it has %v", path, name, channel, known)
			}
		}
	}
}

func TestCommandsMakeNoInstallationWhereThereIsNone(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	for _, args := range [][]string{
		{"merchant", "list"}, {"account", "list"}, {"secrets", "rotate"}, {"merchant", "key", "revoke", "--merchant", "mer_x", "--serial", "x"},
	} {
		folder := filepath.Join(t.TempDir(), "misspelt")
		code, stdout, stderr := c.run(append(args, "--data", folder)...)
		if code != exitFailed || stdout != "" || !strings.Contains(stderr, "no installation") {
			t.Errorf("%v: exit %d, %q, %q", args, code, stdout, stderr)
		}
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%v made %s", args, folder)
		}
	}
}
