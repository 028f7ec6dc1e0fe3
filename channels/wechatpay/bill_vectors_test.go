package wechatpay

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

// vectorMchID is the merchant whose real bills are recorded.
const vectorMchID = "1601959334"

func vectorClient(t testing.TB) *Client {
	t.Helper()
	cfg := keyConfig("https://api.mch.weixin.qq.com")
	cfg.MchID = vectorMchID
	return newClient(t, cfg)
}

func dayOf(t testing.TB, s string) channels.Day {
	t.Helper()
	day, err := channels.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return day
}

// read gives a bill's rows beside its totals.
func read(c *Client, kind channels.BillKind, day channels.Day, raw []byte) (rows []channels.BillRow, _ channels.BillTotals, _ error) {
	totals, err := c.ReadBill(kind, day, bytes.NewReader(raw), int64(len(raw)), func(r channels.BillRow) error {
		rows = append(rows, r)
		return nil
	})
	return rows, totals, err
}

// TestVectorsTradeBill reads a real bill, whose hash WeChat Pay stated and
// whose totals must agree with its rows.
func TestVectorsTradeBill(t *testing.T) {
	raw := adaptertest.Vector(t, Name, "bill/real_tradebill_ALL_20210128.csv")
	var answer struct {
		HashValue string `json:"hash_value"`
	}
	if err := json.Unmarshal(adaptertest.Vector(t, Name, "bill/real_tradebill_ALL_20210128.answer.json"), &answer); err != nil {
		t.Fatal(err)
	}
	if sum := sha1.Sum(raw); hex.EncodeToString(sum[:]) != answer.HashValue {
		t.Fatal("the recording is not the file whose hash was stated")
	}
	for name, packed := range map[string][]byte{"Plain": raw, "GZIP": gzipped(t, raw)} {
		t.Run(name, func(t *testing.T) {
			hash := newBillHash(1 << 20)
			if _, err := hash.Write(packed); err != nil {
				t.Fatal(err)
			}
			if err := hash.compare(answer.HashValue); err != nil {
				t.Error(err)
			}
			rows, totals, err := read(vectorClient(t), channels.BillTrades, dayOf(t, "2021-01-28"), packed)
			if err != nil {
				t.Fatal(err)
			}
			if want := (channels.BillTotals{Currency: "CNY", Rows: 3, Payments: 3, PaymentMinor: 3, Stated: true}); totals != want {
				t.Errorf("totals %+v, want %+v", totals, want)
			}
			want := channels.BillRow{
				Line: 2, Type: channels.BillPayment, AttemptID: "S20210128170702357723", ChannelTradeNo: "4200000925202101284997714292",
				Amount: adaptertest.CNY(1), At: parseTime("2021-01-28T17:07:11+08:00"), Text: "SUCCESS",
			}
			if len(rows) != 3 || rows[0] != want {
				t.Errorf("rows %+v, want first %+v", rows, want)
			}
		})
	}
}

// TestVectorsFundFlowBill: of the recorded file a row was cut out, which its own
// totals must show; with the row back they agree.
func TestVectorsFundFlowBill(t *testing.T) {
	raw := adaptertest.Vector(t, Name, "bill/gunsluo_fundflow_BASIC_20210201.csv")
	c, day := vectorClient(t), dayOf(t, "2021-02-01")
	var broken *channels.BrokenBillError
	if _, _, err := read(c, channels.BillFunds, day, raw); !errors.As(err, &broken) || broken.Line != 5 || !strings.Contains(broken.Detail, "资金流水总笔数") {
		t.Errorf("error %v, want the number of rows at line 5", err)
	}
	const missing = "`2021-02-01 13:53:58,`4200000920202101197964319280,`4200000920202101197964319280,`交易,`交易,`收入,`0.01,`0.23,`system,`,`S20210201135356381941\n"
	whole := strings.Replace(string(raw), "\n`", "\n"+missing+"`", 1)
	rows, totals, err := read(c, channels.BillFunds, day, []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	want := channels.BillTotals{Currency: "CNY", Rows: 3, Payments: 1, Refunds: 2, PaymentMinor: 1, RefundMinor: 2, Stated: true}
	if totals != want || len(rows) != 3 || rows[1].Text != "支出 退款" || rows[1].Type != channels.BillOther {
		t.Errorf("totals %+v, rows %+v", totals, rows)
	}
}
