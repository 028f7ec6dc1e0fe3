package wechatpaysim

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
)

func TestReturnedFees(t *testing.T) {
	// However a payment is refunded, its whole fee goes back in the end, and never more on the way.
	for _, parts := range [][]int64{{1000}, {333, 333, 334}, {1, 998, 1}, {84, 84, 84, 748}} {
		var refunded, back int64
		for _, part := range parts {
			before := returnedFee(6, refunded, 1000)
			refunded += part
			step := returnedFee(6, refunded, 1000) - before
			back += step
			if step < 0 || back > 6 {
				t.Errorf("%v: %d goes back, %d in all", parts, step, back)
			}
		}
		if back != 6 {
			t.Errorf("%v: %d of 6 went back", parts, back)
		}
	}
}

func TestNumbers(t *testing.T) {
	now := time.Date(2026, 11, 21, 16, 30, 0, 0, time.UTC) // the 22nd in Beijing
	if no := transactionID(now); len(no) != 28 || no[10:18] != "20261122" {
		t.Errorf("transaction_id %s", no)
	}
	if no := refundID(now); len(no) != 29 || no[10:18] != "20261122" {
		t.Errorf("refund_id %s", no)
	}
	if id := newPrepayID(now); len(id) != 36 || !strings.HasPrefix(id, "wx22003000") {
		t.Errorf("prepay_id %s", id)
	}
	for range 100 {
		if serial := newSerial(); len(serial) != 40 || serial[0] == '0' || serial != strings.ToUpper(serial) {
			t.Fatalf("serial %s", serial)
		}
	}
	for s, want := range map[string]bool{
		"100000000000000000": true, "159999999999999999": true, "160000000000000000": false, "090000000000000000": false,
		"10000000000000000": false, "1000000000000000000": false, "10000000000000000x": false, "": false,
	} {
		if validAuthCode(s) != want {
			t.Errorf("auth_code %q: %v", s, !want)
		}
	}
}

func TestTradeStates(t *testing.T) {
	for want, trade := range map[string]books.Trade{
		stateNotPaid: {Product: native, Status: books.StatusIssued}, statePaying: {Product: codePay, Status: books.StatusWaiting},
		stateSuccess: {Status: books.StatusPaid}, stateClosed: {Status: books.StatusClosed},
		stateRefund:   {Status: books.StatusPaid, Refunds: []books.Refund{{Status: books.RefundFailed}}},
		stateReversed: {Status: books.StatusPaid, Attrs: map[string]string{attrReversed: "1"}},
		stateError:    {Status: books.StatusClosed, Attrs: map[string]string{attrFailed: "1"}},
	} {
		if got := tradeState(&trade); got != want || stateText(got) == "" {
			t.Errorf("%+v: %s, want %s", trade, got, want)
		}
	}
}

// TestRefundStateIsNotShared changes a refund of a copied trade: copies share the maps of their refunds.
func TestRefundStateIsNotShared(t *testing.T) {
	first := books.Refund{Status: books.RefundProcessing, Attrs: refundAttrs{outcome: refundSuccess, due: time.Unix(1, 0)}.stored()}
	second := first
	attrs := attrsOf(&second)
	attrs.due = time.Time{}
	second.Attrs = attrs.stored()
	if refundStatus(&first) != refundProcessing || refundStatus(&second) != refundAbnormal {
		t.Errorf("%s, %s", refundStatus(&first), refundStatus(&second))
	}
}

func FuzzParseAuthorization(f *testing.F) {
	for _, s := range []string{
		scheme + ` mchid="1",nonce_str="2",signature="3",timestamp="4",serial_no="5"`,
		scheme + ` serial_no="5", mchid="1",nonce_str="2",signature="a==",timestamp="4"`,
		scheme + ` mchid="1",mchid="1"`, scheme + " ", `Basic x`, scheme + ` mchid=1`, scheme + ` mchid="`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseAuthorization(s)
		if err != nil {
			return
		}
		again, err := parseAuthorization(scheme + ` timestamp="` + a.timestamp + `",signature="` + a.signature + `",mchid="` + a.mchid + `",serial_no="` +
			a.serial + `",nonce_str="` + a.nonce + `"`)
		if err != nil || again != a || slices.Contains([]string{a.mchid, a.nonce, a.serial, a.signature, a.timestamp}, "") {
			t.Errorf("%q: %+v, then %+v (%v)", s, a, again, err)
		}
	})
}

func FuzzBody(f *testing.F) {
	good := `{"appid":"wx","mchid":"1","description":"x","out_trade_no":"123456","notify_url":"https://shop.example/","amount":{"total":1}}`
	for _, s := range []string{good, strings.Replace(good, `1}`, `1e9}`, 1), `{"amount":{"total":1`, `null`, `{"detail":{"goods_detail":[1]}}`, "{\"description\":\"\xff\"}"} {
		f.Add(s)
	}
	whole := directIdentity().and(orderFields(), prepayFields())
	f.Fuzz(func(t *testing.T, s string) {
		o, err := parseObject([]byte(s))
		if err != nil || whole.check(o, "") != nil {
			return
		}
		for _, name := range []string{"appid", "mchid", "description", "notify_url"} {
			if textAt(o, name) == "" {
				t.Errorf("%s was taken without %s", s, name)
			}
		}
		if !validOrderNumber(textAt(o, "out_trade_no")) {
			t.Errorf("%s was taken with its number", s)
		}
		raw, err := marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseObject(raw); err != nil || whole.check(again, "") != nil {
			t.Errorf("%s was taken, %s is not", s, raw)
		}
	})
}

// vector reads a file of the published messages.
func vector(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("PAYMUX_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "vectors")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "wechatpay", name))
	if err != nil {
		t.Skipf("SKIPPED: the vectors are missing, set PAYMUX_VECTORS to their folder: %v", err)
	}
	return raw
}

// TestVectors_Signatures holds our signed texts to those of the channel's documentation: the published key gives the
// published signatures.
func TestVectors_Signatures(t *testing.T) {
	var cases []struct {
		ID, Kind, Key, Method, URI, Timestamp, Nonce, Body, Signature string
		Lines                                                         []string
	}
	if err := json.Unmarshal(vector(t, "request_sign.json"), &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		block, _ := pem.Decode(vector(t, c.Key))
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		signed := requestText(c.Method, c.URI, authorization{timestamp: c.Timestamp, nonce: c.Nonce}, []byte(c.Body))
		if c.Kind == "paysign" {
			signed = []byte(strings.Join(c.Lines, "\n") + "\n")
		}
		if !keys.Verify(&key.(*rsa.PrivateKey).PublicKey, signed, c.Signature) {
			t.Errorf("%s does not verify", c.ID)
		}
	}
}

// TestVectors_Bill holds our bill's headings and totals to those of a real one.
func TestVectors_Bill(t *testing.T) {
	file := vector(t, filepath.Join("bill", "real_tradebill_ALL_20210128.csv"))
	var answer struct {
		HashValue string `json:"hash_value"`
	}
	if err := json.Unmarshal(vector(t, filepath.Join("bill", "real_tradebill_ALL_20210128.answer.json")), &answer); err != nil {
		t.Fatal(err)
	}
	if sum := sha1.Sum(file); hex.EncodeToString(sum[:]) != answer.HashValue {
		t.Error("the hash is over something else")
	}
	real := strings.Split(string(file), crlf)
	ours := strings.Split(string(tradeBillForms()[billAll].file(&account{}, nil)), crlf)
	if real[0] != ours[0] {
		t.Errorf("headings:\n%s\n%s", real[0], ours[0])
	}
	if got, want := ours[len(ours)-3], real[len(real)-3]; got != want {
		t.Errorf("headings of the totals:\n%s\n%s", got, want)
	}
	at := time.Date(2021, 1, 28, 9, 7, 11, 0, time.UTC)
	cells := strings.Split(real[1], ",`")
	row := billRow{
		at: at, appid: cells[1], transactionID: cells[5], number: cells[6], openid: cells[7], kind: cells[8], state: cells[9], amount: 1,
		subject: cells[20], attach: cells[21],
	}
	lines := strings.Split(string(tradeBillForms()[billAll].file(&account{mchid: cells[2]}, []billRow{row})), crlf)
	if got := strings.Replace(lines[1], feeRate, cells[23], 1); got != real[1] {
		t.Errorf("a row:\n%s\n%s", got, real[1])
	}
	flow := strings.Split(string(fundFlowFile(nil)), crlf)
	published := strings.Split(string(vector(t, filepath.Join("bill", "gunsluo_fundflow_BASIC_20210201.csv"))), "\n")
	if got, want := strings.TrimPrefix(flow[0], byteOrder), strings.Trim(strings.TrimPrefix(published[0], byteOrder), "\r"); got != want {
		t.Errorf("headings of the fund flow:\n%s\n%s", got, want)
	}
}

func TestSignedTargets(t *testing.T) {
	for sent, want := range map[string][]string{
		"/v3/certificates":                {"/v3/certificates"},
		"/wechatpay/v3/x?a=%41":           {"/wechatpay/v3/x?a=%41", "/v3/x?a=%41"},
		"/wechatpayx/v3":                  {"/wechatpayx/v3"},
		"http://127.0.0.1:1/v3/x?b=1&a=2": {"/v3/x?b=1&a=2"},
	} {
		if got := signedTargets(&http.Request{RequestURI: sent}); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", sent, got, want)
		}
	}
}
