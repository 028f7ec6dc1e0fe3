package alipay

import (
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/texts"
)

func TestOutcomesOfCodes(t *testing.T) {
	for _, tt := range []struct {
		op      channels.Operation
		code    string
		subCode string
		want    channels.Outcome
	}{
		{channels.OpPay, "20000", "isp.unknow-error", channels.Unknown},
		{channels.OpPay, "20000", "", channels.Unknown},
		{channels.OpRefund, "20001", "aop.invalid-auth-token", channels.Misconfigured},
		{channels.OpPay, "40001", "isv.missing-signature", channels.Misconfigured},
		{channels.OpPay, "40002", "isv.invalid-signature", channels.Misconfigured},
		{channels.OpPay, "40002", "isv.invalid-parameter", channels.Declined},
		{channels.OpPay, "40002", "isv.never-heard-of", channels.Unknown},
		{channels.OpPay, "40005", "isv.app-call-limited", channels.NotProcessed},
		{channels.OpRefund, "40005", "isv.method-call-limited", channels.NotProcessed},
		{channels.OpPay, "40006", "isv.insufficient-isv-permissions", channels.Misconfigured},
		{channels.OpPay, "40004", "ACQ.SYSTEM_ERROR", channels.Unknown},
		{channels.OpReverse, "40004", "AQC.SYSTEM_ERROR", channels.Unknown},
		{channels.OpPay, "40004", "ACQ.ENTERPRISE_PAY_BIZ_ERROR", channels.Unknown},
		{channels.OpPay, "40004", "ACQ.TRADE_HAS_SUCCESS", channels.Unknown},
		{channels.OpPay, "40004", "ACQ.TRADE_HAS_CLOSE", channels.Unknown},
		{channels.OpPay, "40004", "ACQ.CONTEXT_INCONSISTENT", channels.Unknown},
		{channels.OpPay, "40004", "ACQ.PAYMENT_AUTH_CODE_INVALID", channels.Declined},
		{channels.OpPay, "40004", "ACQ.BEYOND_PER_RECEIPT_RESTRICTION", channels.Declined},
		{channels.OpPay, "40004", "ACQ.SECONDARY_MERCHANT_STATUS_ERROR", channels.Misconfigured},
		{channels.OpPay, "40004", "ACQ.NEVER_HEARD_OF", channels.Unknown},
		{channels.OpPay, "40004", "", channels.Unknown},
		{channels.OpRefund, "40004", "ACQ.PAYMENT_AUTH_CODE_INVALID", channels.Unknown},
		{channels.OpRefund, "40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH", channels.Unknown},
		{channels.OpRefund, "40004", "ACQ.DISCORDANT_REPEAT_REQUEST", channels.Unknown},
		{channels.OpRefund, "40004", "ACQ.TRADE_NOT_EXIST", channels.Unknown},
		{channels.OpRefund, "40004", "ACQ.REASON_TRADE_REFUND_FEE_ERR", channels.Declined},
		{channels.OpRefund, "40004", "ACQ.TRADE_NOT_ALLOW_REFUND", channels.Declined},
		{channels.OpQuery, "40004", "ACQ.PAYMENT_FAIL", channels.Unknown},
		{channels.OpReverse, "40004", "ACQ.CANCEL_NOT_ALLOWED", channels.Declined},
		{channels.OpPay, "", "", channels.Unknown},
		{channels.OpPay, "10000", "", channels.Unknown},
		{channels.OpPay, "99999", "ACQ.PAYMENT_FAIL", channels.Unknown},
	} {
		if got := outcomeOf(tt.op, tt.code, tt.subCode); got != tt.want {
			t.Errorf("%s %s %s: %v, want %v", tt.op, tt.code, tt.subCode, got, tt.want)
		}
	}
}

// TestCodeTableIsSane: no rule hides behind another, and none calls success.
func TestCodeTableIsSane(t *testing.T) {
	table := codeTable()
	for i, r := range table {
		for _, earlier := range table[:i] {
			sameOps := len(earlier.ops) == 0 || (len(r.ops) > 0 && earlier.ops[0] == r.ops[0])
			if sameOps && earlier.code == r.code && earlier.matches(strings.TrimSuffix(r.subCode, "*")) {
				t.Errorf("rule %s %s can never hold", r.code, r.subCode)
			}
		}
		if r.code == codeDone || r.code == codeWaiting {
			t.Errorf("rule for %s", r.code)
		}
		if r.outcome == channels.NotProcessed && r.code != "40005" {
			t.Errorf("rule %s %s claims that nothing was processed", r.code, r.subCode)
		}
	}
}

func TestMessagesHoldNoSecrets(t *testing.T) {
	for in, want := range map[string]string{
		"支付失败": "支付失败",
		"验签出错，网关生成的验签字符串为：app_auth_token=x&amp;biz_content={}": "general",
		"付款码 280000000000000001 无效, 账号2088000000000001":        "付款码 *** 无效, 账号***",
		"a\nb": "ab",
		"":     "general",
	} {
		n, err := readNode([]byte(`{"msg":"general","sub_msg":` + quote(in) + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := messageOf(n); got != want {
			t.Errorf("message of %q: %q, want %q", in, got, want)
		}
	}
	if got := texts.Clip(strings.Repeat("长", 500), maxMessage); len([]rune(got)) != maxMessage {
		t.Errorf("%d characters are kept", len([]rune(got)))
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer("\n", `\n`, `"`, `\"`).Replace(s) + `"`
}
