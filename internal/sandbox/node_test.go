package sandbox_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox"
)

// TestNode_AlipaysOwnClient runs Alipay's published Node client against the simulator, in public-key and certificate
// mode. It needs Node 18 or newer and `npm ci` in testdata/node, which `make test-all` runs first.
func TestNode_AlipaysOwnClient(t *testing.T) { runNode(t, "alipay-sdk", "alipay.js") }

// TestNode_WechatpayClient runs a published WeChat Pay client for Node against the simulator, in public-key mode and with
// platform certificates.
func TestNode_WechatpayClient(t *testing.T) { runNode(t, "wechatpay-axios-plugin", "wechatpay.js") }

func runNode(t *testing.T, module, script string) {
	t.Helper()
	if os.Getenv("PAYMUX_TEST_NODE") != "1" {
		t.Skip("SKIPPED: other people's Node clients are not run; set PAYMUX_TEST_NODE=1 after `npm ci` in internal/sandbox/testdata/node")
	}
	dir := filepath.Join("testdata", "node")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", module)); err != nil {
		t.Fatalf("run `npm ci` in internal/sandbox/testdata/node first: %v", err)
	}
	s := start(t, sandbox.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "node", script, s.server.URL()) //nolint:gosec // our own address
	command.Dir = dir
	command.Env = append(os.Environ(), "TZ=Asia/Shanghai")
	out, err := command.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
