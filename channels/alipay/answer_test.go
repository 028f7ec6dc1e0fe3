package alipay

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestCutAnswerKeepsTheBytes(t *testing.T) {
	const method = "alipay.trade.query"
	for name, tt := range map[string]struct{ raw, want string }{
		"blanks inside":       {`{"alipay_trade_query_response": { "code" : "10000" } ,"sign":"AAAA"}`, `{ "code" : "10000" }`},
		"escapes":             {`{"alipay_trade_query_response":{"a":"\/\u4e2d\"}{"},"sign":"AAAA"}`, `{"a":"\/\u4e2d\"}{"}`},
		"escaped name":        {`{"alipay_trade_query\u005fresponse":{"a":1},"sign":"AAAA"}`, `{"a":1}`},
		"sign first":          {`{"sign":"AAAA","alipay_trade_query_response":{"sign":"x"}}`, `{"sign":"x"}`},
		"numbers untouched":   {`{"alipay_trade_query_response":{"a":1.10e+02,"b":12345678901234567890},"sign":"AAAA"}`, `{"a":1.10e+02,"b":12345678901234567890}`},
		"node beside error":   {`{"error_response":{"code":"1"},"alipay_trade_query_response":{"a":1},"sign":"AAAA"}`, `{"a":1}`},
		"text of a signature": {`{"alipay_trade_query_response":{"a":"\"sign\":\"BBBB\"}"},"sign":"AAAA"}`, `{"a":"\"sign\":\"BBBB\"}"}`},
	} {
		a, err := cutAnswer([]byte(tt.raw), method)
		if err != nil || string(a.signed) != tt.want || !bytes.Equal(a.signature, []byte{0, 0, 0}) {
			t.Errorf("%s: signed %q, signature %v, error %v", name, a.signed, a.signature, err)
		}
	}
}

func FuzzCutAnswer(f *testing.F) {
	f.Add([]byte(`{"alipay_trade_query_response":{"code":"10000"},"sign":"AAAA","alipay_cert_sn":"x"}`))
	f.Add([]byte(`{"error_response":{"code":"20000"}}`))
	f.Add([]byte(`{"alipay_trade_query_response":"AAAA" , "sign":"A\/AA"}`))
	f.Add([]byte(`{"alipay_trade_query_response":{"a":"}\"{"},"alipay_trade_query_response":1}`))
	f.Add([]byte("\xef\xbb\xbf{}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := cutAnswer(raw, "alipay.trade.query")
		if err != nil {
			return
		}
		if !bytes.Contains(raw, a.signed) {
			t.Fatalf("the signed text is not in the answer: %q", a.signed)
		}
		if !json.Valid(raw) || !json.Valid(a.signed) {
			t.Fatalf("cut out of what is no JSON: %q", raw)
		}
		if len(a.signed) > 0 && a.signed[0] == '{' {
			if n, err := readNode(a.signed); err == nil {
				for name := range n {
					_ = n.text(name)
				}
				_ = messageOf(n)
				_ = showsPayment(n)
			}
		}
	})
}
