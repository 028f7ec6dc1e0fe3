package alipay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/transport"
)

const linkToken = "5f5c0a4e-secret"

// download is a host that bills are downloaded from.
type download struct {
	*httptest.Server
	asked atomic.Int32
}

func newDownload(t testing.TB, serve http.HandlerFunc) *download {
	d := &download{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.asked.Add(1)
		if r.Method != http.MethodGet || r.Header.Get("Authorization") != "" {
			t.Errorf("%s with %v", r.Method, r.Header)
		}
		serve(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *download) host() string { return strings.TrimPrefix(d.URL, "http://") }

func (d *download) link() string {
	return d.URL + "/downloadBillFile.resource?bizType=trade&downloadFileName=20880000000000010156_20261121.csv.zip&token=" + linkToken
}

// fetching makes a client whose gateway answers with a link, and fetches.
func fetching(t testing.TB, link string, change func(*Config)) (string, channels.BillFile, error) {
	t.Helper()
	g := answering(t, fmt.Sprintf(`{"code":"10000","msg":"Success","bill_download_url":%q}`, link))
	cfg := keyConfig(g.URL)
	change(&cfg)
	var out bytes.Buffer
	f, err := newClient(t, cfg).FetchBill(t.Context(), channels.BillTrades, billDay(t), &out)
	if m := biz(t, g.last()); m["bill_type"] != "trade" || m["bill_date"] != "2026-11-21" || g.last().Get("method") != "alipay.data.dataservice.bill.downloadurl.query" {
		t.Errorf("asked %v", g.last())
	}
	return out.String(), f, err
}

func TestFetchBill(t *testing.T) {
	d := newDownload(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the archive") })
	got, f, err := fetching(t, d.link(), func(c *Config) { c.BillHosts = []string{d.host()} })
	if err != nil || got != "the archive" || f.Name != "20880000000000010156_20261121.csv.zip" || f.ContentType != "application/zip" {
		t.Errorf("%q %+v %v", got, f, err)
	}
}

// wantFailedCall ends the test unless err is one of the call that says nothing
// of the bill and shows nothing of the link's token.
func wantFailedCall(t testing.TB, err error) *channels.Error {
	t.Helper()
	var e *channels.Error
	if !errors.As(err, &e) || e.Op != channels.OpBill || e.Channel != Name {
		t.Fatalf("error is %T (%v)", err, err)
	}
	if errors.Is(err, channels.ErrBillNotReady) || errors.Is(err, channels.ErrNoBusiness) {
		t.Errorf("%v says that there is no bill", err)
	}
	if strings.Contains(err.Error(), linkToken) {
		t.Errorf("%v shows the link's token", err)
	}
	return e
}

func TestFetchBill_ForeignLinks(t *testing.T) {
	d := newDownload(t, func(http.ResponseWriter, *http.Request) {})
	for name, link := range map[string]string{
		"Host":     d.link(),
		"Port":     "http://127.0.0.1:1/downloadBillFile.resource?token=" + linkToken,
		"NoHost":   "/downloadBillFile.resource?token=" + linkToken,
		"Scheme":   "file:///etc/passwd?token=" + linkToken,
		"User":     "http://" + linkToken + "@" + d.host() + "/",
		"Document": billDownloadHost + "?token=" + linkToken,
		"Empty":    "",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := fetching(t, link, func(*Config) {})
			if e := wantFailedCall(t, err); e.Outcome != channels.Unknown {
				t.Errorf("outcome %v", e.Outcome)
			}
		})
	}
	if n := d.asked.Load(); n != 0 {
		t.Errorf("the foreign host was asked %d times", n)
	}
}

func TestFetchBill_Redirect(t *testing.T) {
	target := newDownload(t, func(http.ResponseWriter, *http.Request) {})
	d := newDownload(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.link(), http.StatusFound) })
	got, _, err := fetching(t, d.link(), func(c *Config) { c.BillHosts = []string{d.host(), target.host()} })
	if e := wantFailedCall(t, err); !strings.Contains(e.Error(), "302") || got != "" {
		t.Errorf("%v %q", err, got)
	}
	if target.asked.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestFetchBill_Downloads(t *testing.T) {
	for name, tt := range map[string]struct {
		serve http.HandlerFunc
		cause error
	}{
		"Expired":  {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "expired", http.StatusForbidden) }, nil},
		"TooLarge": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 101)) }, transport.ErrAnswerTooLarge},
		"CutOff": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write(make([]byte, 50))
		}, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDownload(t, tt.serve)
			_, _, err := fetching(t, d.link(), func(c *Config) { c.BillHosts, c.BillMaxBytes = []string{d.host()}, 100 })
			_ = wantFailedCall(t, err)
			if tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("error %v, want %v", err, tt.cause)
			}
		})
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errDisk }

func TestFetchBill_CannotBeKept(t *testing.T) {
	d := newDownload(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the archive") })
	g := answering(t, fmt.Sprintf(`{"code":"10000","msg":"Success","bill_download_url":%q}`, d.link()))
	cfg := keyConfig(g.URL)
	cfg.BillHosts = []string{d.host()}
	_, err := newClient(t, cfg).FetchBill(t.Context(), channels.BillTrades, billDay(t), failingWriter{})
	if _ = wantFailedCall(t, err); !errors.Is(err, errDisk) {
		t.Errorf("error %v", err)
	}
}

// TestFetchBill_Absent: what Alipay's refusals mean depends on when they come.
func TestFetchBill_Absent(t *testing.T) {
	beijingTime := func(s string) time.Time {
		at := parseTime(s)
		if at.IsZero() {
			t.Fatal(s)
		}
		return at
	}
	for _, tt := range []struct {
		code, subCode, at string
		want              error // nil: an error of the call
		outcome           channels.Outcome
	}{
		{"40004", "isp.bill_not_exist", "2026-11-21 12:00:00", channels.ErrBillNotReady, 0},
		{"40004", "isp.bill_not_exist", "2026-11-22 12:00:00", channels.ErrBillNotReady, 0},
		{"40004", "isp.bill_not_exist", "2026-11-23 08:59:59", channels.ErrBillNotReady, 0},
		{"40004", "isp.bill_not_exist", "2026-11-23 09:00:00", channels.ErrNoBusiness, 0},
		{"40004", "BILL_NOT_EXIST", "2026-11-24 09:00:00", channels.ErrNoBusiness, 0},
		{"40004", "isv.invalid_arguments", "2026-11-21 12:00:00", channels.ErrBillNotReady, 0},
		{"40004", "isv.invalid_arguments", "2026-11-22 09:00:00", nil, channels.Declined},
		{"40004", "ACQ.NEVER_HEARD_OF", "2026-11-21 12:00:00", nil, channels.Unknown},
		{"20000", "isp.unknow-error", "2026-11-23 12:00:00", nil, channels.Unknown},
		{"40005", "isv.app-call-limited", "2026-11-22 12:00:00", nil, channels.NotProcessed},
		{"40006", "isv.insufficient-isv-permissions", "2026-11-22 12:00:00", nil, channels.Misconfigured},
	} {
		t.Run(tt.subCode+" "+tt.at, func(t *testing.T) {
			g := answering(t, fmt.Sprintf(`{"code":%q,"msg":"no","sub_code":%q,"sub_msg":"no"}`, tt.code, tt.subCode))
			c, err := New(keyConfig(g.URL), Deps{Now: func() time.Time { return beijingTime(tt.at) }})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.FetchBill(t.Context(), channels.BillFunds, billDay(t), io.Discard)
			if biz(t, g.last())["bill_type"] != "signcustomer" {
				t.Errorf("asked %v", g.last())
			}
			if tt.want == nil {
				if e := wantFailedCall(t, err); e.Outcome != tt.outcome {
					t.Errorf("outcome %v, want %v", e.Outcome, tt.outcome)
				}
			} else if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// TestFetchBill_UnsignedRefusal: anybody can write one, so it says nothing of
// whether there is a bill.
func TestFetchBill_UnsignedRefusal(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, _ url.Values) {
		_, _ = io.WriteString(w, `{"error_response":{"code":"40004","msg":"no","sub_code":"isp.bill_not_exist"}}`)
	})
	_, err := newClient(t, keyConfig(g.URL)).FetchBill(t.Context(), channels.BillTrades, billDay(t).Add(-7), io.Discard)
	_ = wantFailedCall(t, err)
}

func TestBillHosts(t *testing.T) {
	const production = "https://openapi.alipay.com/gateway.do"
	for name, tt := range map[string]struct {
		gateway string
		hosts   []string
		link    string
		asked   string // empty: refused
	}{
		"Documented":      {production, nil, "https://dwbillcenter.alipay.com/x?token=1", "https://dwbillcenter.alipay.com/x?token=1"},
		"MadeHTTPS":       {production, nil, "http://dwbillcenter.alipay.com/x?token=1#f", "https://dwbillcenter.alipay.com/x?token=1"},
		"Gateway":         {production, nil, "https://OpenAPI.alipay.com/x", "https://OpenAPI.alipay.com/x"},
		"OtherPort":       {production, nil, "https://dwbillcenter.alipay.com:8443/x", ""},
		"Suffix":          {production, nil, "https://dwbillcenter.alipay.com.example.com/x", ""},
		"OwnListCounts":   {production, []string{"bills.example.com"}, "https://dwbillcenter.alipay.com/x", ""},
		"OwnList":         {production, []string{"bills.example.com"}, "https://bills.example.com/x", "https://bills.example.com/x"},
		"Sandbox":         {"http://127.0.0.1:8081/gateway.do", nil, "http://127.0.0.1:8081/x", "http://127.0.0.1:8081/x"},
		"SandboxElseNone": {"http://127.0.0.1:8081/gateway.do", nil, "https://dwbillcenter.alipay.com/x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := keyConfig(tt.gateway)
			cfg.BillHosts = tt.hosts
			link, err := newClient(t, cfg).links.Follow(tt.link)
			if tt.asked == "" && err == nil || tt.asked != "" && (err != nil || link.String() != tt.asked) {
				t.Errorf("%v %v", link, err)
			}
		})
	}
}
