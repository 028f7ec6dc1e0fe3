package unionpaysim

import (
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/sandbox/parts"
)

func TestParseAmount(t *testing.T) {
	for s, want := range map[string]int64{"1": 1, "0": 0, "999999999999": 999_999_999_999, "0010": 10} {
		if got, ok := parseAmount(s); !ok || got != want {
			t.Errorf("%q: %d, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "-1", "+1", "1.0", "1e3", " 1", "１", "1000000000000", "0x1"} {
		if got, ok := parseAmount(s); ok {
			t.Errorf("%q was taken as %d", s, got)
		}
	}
}

func TestOrderID(t *testing.T) {
	for s, want := range map[string]bool{
		"abcd1234": true, strings.Repeat("a", 40): true, "abc1234": false, strings.Repeat("a", 41): false, "abcd-1234": false,
		"abcd_1234": false, "订单订单订单": false, "abcd1234\n": false, "": false,
	} {
		if validOrderID(s) != want {
			t.Errorf("orderId %q: %v", s, !want)
		}
	}
}

// TestSettlementDay: a day ends at 23:00 in Beijing.
func TestSettlementDay(t *testing.T) {
	for at, want := range map[string]string{
		"2026-11-21T14:59:59Z": "1121", "2026-11-21T15:00:00Z": "1122", "2026-12-31T15:00:00Z": "0101",
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := settlementDay(moment).Format(dayLayout); got != want {
			t.Errorf("%s settles on %s, want %s", at, got, want)
		}
	}
}

func TestQueryID(t *testing.T) {
	now := time.Date(2026, 11, 21, 2, 3, 4, 0, time.UTC)
	id := queryID(now)
	if !parts.Digits(id, 21, 21) || id[2:14] != "261121100304" || id[20] != '8' || traceNo(id) != id[14:20] || traceNo("") != "" {
		t.Errorf("queryId %q", id)
	}
}

func TestRaw(t *testing.T) {
	f := fields{"signature": "s=", "version": "5.1.0", "signPubKeyCert": "-----\r\nA+B/=\r\n-----", "respMsg": "成功[0000000]", "accessType": "0"}
	if got := f.raw(); got != "accessType=0&respMsg=成功[0000000]&version=5.1.0&signPubKeyCert=-----\r\nA+B/=\r\n-----&signature=s=" {
		t.Errorf("raw answer %q", got)
	}
}
