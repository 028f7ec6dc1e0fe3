package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/signing"
)

// console runs command lines as a shell would, on one installation.
type console struct {
	t    *testing.T
	data string
}

func newConsole(t *testing.T) console {
	t.Helper()
	return console{t: t, data: filepath.Join(t.TempDir(), "data")}
}

// run gives the exit code and what was printed.
func (c console) run(args ...string) (code int, stdout, stderr string) {
	c.t.Helper()
	var out, diagnostics bytes.Buffer
	env := &environment{stdin: strings.NewReader(""), stdout: &out, stderr: &diagnostics, now: time.Now}
	code = run(c.t.Context(), env, args)
	return code, out.String(), diagnostics.String()
}

// on runs a command on the installation; it must succeed.
func (c console) on(args ...string) string {
	c.t.Helper()
	code, stdout, stderr := c.run(append(args, "--data", c.data)...)
	if code != exitDone {
		c.t.Fatalf("%v: exit %d: %s", args, code, stderr)
	}
	return stdout
}

// json is on with --json.
func (c console) json(into any, args ...string) {
	c.t.Helper()
	text := c.on(append(args, "--json")...)
	if err := json.Unmarshal([]byte(text), into); err != nil {
		c.t.Fatalf("%v printed %q: %v", args, text, err)
	}
}

// startSandbox runs the simulators until the test ends and gives their address.
func startSandbox(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- app.RunSandbox(ctx, t.TempDir(), "127.0.0.1:0", 0.001, slog.New(slog.DiscardHandler), time.Now,
			func(url string) error { address <- url; return nil })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("sandbox: %v", err)
		}
	})
	select {
	case url := <-address:
		return url
	case err := <-ended:
		ended <- nil
		t.Fatalf("the sandbox ended: %v", err)
		return ""
	}
}

func TestMerchantCreate_GivesAProfileWithFilesOfItsOwn(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	var made createdProfile
	c.json(&made, "merchant", "create", "--name", "Tea shop", "--answer-algorithm", "ed25519",
		"--sandbox-accounts", "--sandbox", startSandbox(t))
	if len(made.Accounts) != len(app.ChannelNames()) {
		t.Errorf("%d accounts, want one at each of %v", len(made.Accounts), app.ChannelNames())
	}
	for _, path := range []string{made.KeyFile, made.WebhookSecretFile} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 || !filepath.IsAbs(path) {
			t.Errorf("%s: %v, %v; want an absolute path and mode 0600", path, info, err)
		}
	}
	text, err := os.ReadFile(made.KeyFile)
	if err != nil || !strings.HasPrefix(string(text), "-----BEGIN PRIVATE KEY-----") {
		t.Errorf("the private key is not PKCS#8 (%v)", err)
	}
	key, err := signing.ParsePrivateKeyPEM(text)
	if err != nil || signing.Serial(key.Public()) != made.KeySerial {
		t.Errorf("the private key is not the serial's (%v)", err)
	}
	if text, err := os.ReadFile(made.PlatformPublicKeyFile); err != nil {
		t.Error(err)
	} else if pub, err := signing.ParsePublicKeyPEM(text); err != nil {
		t.Error(err)
	} else if alg, err := signing.AlgorithmOf(pub); err != nil || alg != signing.Ed25519 {
		t.Errorf("the platform key is %s, %v; answers to this merchant are signed with ed25519", alg, err)
	}
	secret, err := os.ReadFile(made.WebhookSecretFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signing.ParseWebhookSecret(strings.TrimSpace(string(secret))); err != nil {
		t.Error(err)
	}
	var kept createdProfile
	text, err = os.ReadFile(filepath.Join(filepath.Dir(made.KeyFile), profileFile))
	if err != nil || json.Unmarshal(text, &kept) != nil || kept.Profile != made.Profile {
		t.Errorf("the kept profile is %s, %v", text, err)
	}
}

func TestMerchantCreate_LeavesNothingBehindWhenItFails(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	keys := t.TempDir()
	if code, _, stderr := c.run("keygen", "--out", keys); code != exitDone {
		t.Fatal(stderr)
	}
	public := filepath.Join(keys, publicKeyFile)
	c.on("merchant", "create", "--name", "First", "--public-key", public)
	for want, args := range map[string][]string{
		"another merchant": {"--public-key", public},
		"private key":      {"--public-key", filepath.Join(keys, privateKeyFile)},
		"notify_url":       {"--notify-url", "ftp://shop.example"},
		"start serve":      {"--sandbox-accounts"},
		"does not answer":  {"--sandbox-accounts", "--sandbox", "http://127.0.0.1:1"},
	} {
		code, stdout, stderr := c.run(append([]string{"merchant", "create", "--name", "Second", "--data", c.data}, args...)...)
		if code == exitDone || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d, %q, %q; want a message with %q", args, code, stdout, stderr, want)
		}
		if strings.Contains(stderr, "BEGIN") {
			t.Errorf("%v: the message shows a key: %s", args, stderr)
		}
	}
	folders, err := os.ReadDir(filepath.Join(c.data, merchantsFolder))
	if err != nil || len(folders) != 1 {
		t.Errorf("%v, %v; want the first merchant's folder only", folders, err)
	}
	var list struct{ Data []merchantView }
	c.json(&list, "merchant", "list")
	if len(list.Data) != 1 {
		t.Errorf("%d merchants, want 1", len(list.Data))
	}
}

func TestMerchantKeys_AddShowRevoke(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	var made app.Profile
	c.json(&made, "merchant", "create", "--name", "Tea shop")
	keys := t.TempDir()
	if code, _, stderr := c.run("keygen", "--out", keys); code != exitDone {
		t.Fatal(stderr)
	}
	var added struct{ Serial string }
	c.json(&added, "merchant", "key", "add", "--merchant", made.MerchantID, "--public-key", filepath.Join(keys, publicKeyFile))
	c.on("merchant", "key", "revoke", "--merchant", made.MerchantID, "--serial", made.KeySerial)
	var shown struct {
		Keys   []keyView
		Status string
	}
	c.json(&shown, "merchant", "show", "--merchant", made.MerchantID)
	live := map[string]bool{}
	for _, k := range shown.Keys {
		live[k.Serial] = k.RevokedAt == nil
	}
	if len(live) != 2 || !live[added.Serial] || live[made.KeySerial] {
		t.Errorf("live keys %v; want the added one only", live)
	}
	for status, command := range map[string]string{"disabled": "disable", "active": "enable"} {
		c.json(&shown, "merchant", command, "--merchant", made.MerchantID)
		if shown.Status != status {
			t.Errorf("after %s the status is %s", command, shown.Status)
		}
	}
}

func TestMerchantSecretRotate_ReplacesTheFileAndPrintsNoSecret(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	var made app.Profile
	c.json(&made, "merchant", "create", "--name", "Tea shop")
	before, err := os.ReadFile(made.WebhookSecretFile)
	if err != nil {
		t.Fatal(err)
	}
	stdout := c.on("merchant", "secret", "rotate", "--merchant", made.MerchantID, "--json")
	after, err := os.ReadFile(made.WebhookSecretFile)
	if err != nil || bytes.Equal(before, after) {
		t.Errorf("the file holds the old secret (%v)", err)
	}
	if info, err := os.Stat(made.WebhookSecretFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info, err)
	}
	if strings.Contains(stdout, "whsec_") || !strings.Contains(stdout, made.WebhookSecretFile) {
		t.Errorf("printed %s", stdout)
	}
	if code, _, _ := c.run("merchant", "secret", "rotate", "--merchant", "mer_none", "--data", c.data); code != exitFailed {
		t.Errorf("an unknown merchant: exit %d", code)
	}
}

func TestAccounts_AddUpdateDisable(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	sandbox := startSandbox(t)
	var made app.Profile
	c.json(&made, "merchant", "create", "--name", "Tea shop")
	var account accountView
	c.json(&account, "account", "add", "--merchant", made.MerchantID, "--channel", "alipay", "--sandbox-account", "--sandbox", sandbox,
		"--weight", "7", "--scenes", "qr,barcode")
	if account.Weight != 7 || len(account.Scenes) != 2 || !account.Enabled || account.MaxAmount != app.SandboxTerms().MaxAmount {
		t.Errorf("added %+v", account)
	}
	c.json(&account, "account", "disable", "--account", account.ID)
	if account.Enabled {
		t.Error("it is still enabled")
	}
	var list struct{ Data []accountView }
	c.json(&list, "account", "list", "--merchant", made.MerchantID)
	if len(list.Data) != 1 || list.Data[0].ID != account.ID {
		t.Errorf("listed %+v", list.Data)
	}
	credentials := filepath.Join(t.TempDir(), "credentials.json")
	const canary = "c4n4ry"
	if err := os.WriteFile(credentials, []byte(`{"app_private_key":"`+canary+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"account", "update", "--account", account.ID, "--credentials", credentials},
		{"account", "add", "--merchant", made.MerchantID, "--channel", "alipay", "--credentials", credentials},
		{"account", "add", "--merchant", made.MerchantID, "--channel", "alipay"},
		{"account", "add", "--merchant", made.MerchantID, "--channel", "nosuch", "--credentials", credentials},
	} {
		code, stdout, stderr := c.run(append(args, "--data", c.data)...)
		if code != exitUsage || stdout != "" || strings.Contains(stderr, canary) {
			t.Errorf("%v: exit %d, %q, %q; want 2 and no secret", args, code, stdout, stderr)
		}
	}
}

func TestSecretsRotate_MakesUsesAndDropsKeys(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	var made app.Profile
	c.json(&made, "merchant", "create", "--name", "Tea shop")
	var result rotationResult
	c.json(&result, "secrets", "rotate")
	const sealed = 1 + 2 // a webhook secret, two platform keys
	if result.MasterKey == "" || result.Resealed != sealed || result.Kept != 2 {
		t.Errorf("the first rotation did %+v", result)
	}
	result = rotationResult{}
	c.json(&result, "secrets", "rotate")
	if result.Resealed != sealed || result.Dropped != 1 || result.Kept != 2 {
		t.Errorf("the second rotation did %+v; want the first key of all dropped", result)
	}
	result = rotationResult{}
	c.json(&result, "secrets", "rotate", "--drop-old")
	if result.MasterKey != "" || result.Current != sealed || result.Dropped != 1 || result.Kept != 1 {
		t.Errorf("dropping did %+v", result)
	}
	c.on("merchant", "secret", "rotate", "--merchant", made.MerchantID)
	result = rotationResult{}
	c.json(&result, "secrets", "rotate", "--keep-key")
	if result.Resealed != 0 || result.Current != sealed+1 {
		t.Errorf("in the end %+v; everything must be under the only key", result)
	}
}

func TestKeygen_WritesOnceAndPrivately(t *testing.T) {
	t.Parallel()
	c, folder := newConsole(t), filepath.Join(t.TempDir(), "new", "keys")
	if code, _, stderr := c.run("keygen", "--out", folder); code != exitDone {
		t.Fatal(stderr)
	}
	before, err := os.ReadFile(filepath.Join(folder, privateKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := c.run("keygen", "--out", folder); code != exitFailed || !strings.Contains(stderr, "not overwritten") {
		t.Errorf("a second run: exit %d, %s", code, stderr)
	}
	after, err := os.ReadFile(filepath.Join(folder, privateKeyFile))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key was overwritten (%v)", err)
	}
	if info, err := os.Stat(filepath.Join(folder, privateKeyFile)); err != nil || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("%v, %v; want mode 0600", info, err)
	}
}

func TestCommands_WrongUsageExitsWith2(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	for _, args := range [][]string{
		{"merchant"},
		{"merchant", "nosuch"},
		{"nosuch"},
		{},
		{"merchant", "create", "--data", c.data},
		{"merchant", "create", "--name", "x", "--late-payment", "keep", "--data", c.data},
		{"merchant", "show", "--data", c.data},
		{"merchant", "list", "extra", "--data", c.data},
		{"merchant", "list", "--config", "x.yaml", "--data", c.data},
		{"merchant", "key", "add", "--merchant", "mer_x", "--data", c.data},
		{"account", "add", "--data", c.data},
		{"account", "add", "--merchant", "m", "--channel", "alipay", "--weight", "many", "--data", c.data},
		{"secrets", "rotate", "--keep-key", "--drop-old", "--data", c.data},
		{"keygen", "--bits", "1"},
	} {
		code, stdout, stderr := c.run(args...)
		if code != exitUsage || stderr == "" {
			t.Errorf("%v: exit %d, %q, %q; want 2 with a message", args, code, stdout, stderr)
		}
	}
}

func TestCommands_EachHelpsWithAnExample(t *testing.T) {
	t.Parallel()
	env := &environment{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, now: time.Now}
	for _, root := range []*cobra.Command{newMerchantCommand(env), newAccountCommand(env), newKeygenCommand(env), newSecretsCommand(env)} {
		for _, command := range withChildren(root) {
			if command.Short == "" || !strings.Contains(command.Example, "paymux "+command.CommandPath()) {
				t.Errorf("%s lacks an example of itself: %q", command.CommandPath(), command.Example)
			}
		}
	}
}

func withChildren(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, child := range c.Commands() {
		all = append(all, withChildren(child)...)
	}
	return all
}

func TestLocalURL_IsReachableOrUnknown(t *testing.T) {
	t.Parallel()
	got := fmt.Sprint(slices.Collect(func(yield func(string) bool) {
		for _, listen := range []string{"127.0.0.1:8080", ":8080", "[::]:80", "0.0.0.0:1", "127.0.0.1:0", "nonsense"} {
			yield(localURL(listen))
		}
	}))
	want := "[http://127.0.0.1:8080 http://127.0.0.1:8080 http://127.0.0.1:80 http://127.0.0.1:1  ]"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
