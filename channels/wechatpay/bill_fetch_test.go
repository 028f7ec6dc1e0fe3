package wechatpay

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
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
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/channels/transport"
)

const linkToken = "g44bIUH1-secret"

// billGateway tells of a file and hands it out; serve writes the download.
func billGateway(t testing.TB, link func(base string) string, hash string, serve http.HandlerFunc) *gateway {
	t.Helper()
	var g *gateway
	g = newGateway(t, func(w http.ResponseWriter, r seen) {
		if strings.HasPrefix(r.target, "/v3/billdownload/file") {
			serve(w, httptest.NewRequest(r.method, r.target, nil))
			return
		}
		wechat().write(w, http.StatusOK, fmt.Sprintf(`{"hash_type":"SHA1","hash_value":%q,"download_url":%q}`, hash, link(g.URL)))
	})
	return g
}

func ownLink(base string) string {
	return base + "/v3/billdownload/file?token=" + linkToken + "&tartype=gzip"
}

func sha1Of(raw []byte) string {
	sum := sha1.Sum(raw)
	return hex.EncodeToString(sum[:])
}

// wantFailedCall ends the test unless err is one of the call that says nothing
// of whether there is a bill and shows nothing of the link's token.
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

func TestFetchBill(t *testing.T) {
	text := crlf(goodTrades)
	for name, file := range map[string][]byte{"GZIP": gzipped(t, text), "Plain": text} {
		t.Run(name, func(t *testing.T) {
			g := billGateway(t, ownLink, strings.ToUpper(sha1Of(text)), func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(file) })
			var out bytes.Buffer
			f, err := newClient(t, keyConfig(g.URL)).FetchBill(t.Context(), channels.BillTrades, dayOf(t, billDay), &out)
			if err != nil || !bytes.Equal(out.Bytes(), file) || f.Name != "wechatpay_trades_2026-11-21.csv.gz" {
				t.Errorf("%d bytes of %d, %+v, %v", out.Len(), len(file), f, err)
			}
			wantTarget(t, g.requests()[0].target, "/v3/bill/tradebill", url.Values{"bill_date": {billDay}, "bill_type": {"ALL"}, "tar_type": {"GZIP"}})
		})
	}
}

func wantTarget(t *testing.T, target, path string, query url.Values) {
	t.Helper()
	if want := path + "?" + query.Encode(); target != want {
		t.Errorf("asked %s, want %s", target, want)
	}
}

func TestFetchBill_Questions(t *testing.T) {
	for name, tt := range map[string]struct {
		config func(string) Config
		kind   channels.BillKind
		path   string
		query  url.Values
	}{
		"Funds":   {keyConfig, channels.BillFunds, "/v3/bill/fundflowbill", url.Values{"bill_date": {billDay}, "account_type": {"BASIC"}, "tar_type": {"GZIP"}}},
		"Partner": {partnerConfig, channels.BillTrades, "/v3/bill/tradebill", url.Values{"bill_date": {billDay}, "bill_type": {"ALL"}, "tar_type": {"GZIP"}, "sub_mchid": {"1900000109"}}},
	} {
		t.Run(name, func(t *testing.T) {
			text := crlf(goodFunds)
			g := billGateway(t, ownLink, sha1Of(text), func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(gzipped(t, text)) })
			if _, err := newClient(t, tt.config(g.URL)).FetchBill(t.Context(), tt.kind, dayOf(t, billDay), io.Discard); err != nil {
				t.Error(err)
			}
			wantTarget(t, g.requests()[0].target, tt.path, tt.query)
		})
	}
}

func TestFetchBill_Downloads(t *testing.T) {
	text := crlf(goodTrades)
	file := gzipped(t, text)
	var redirected atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { redirected.Add(1) }))
	t.Cleanup(target.Close)
	for name, tt := range map[string]struct {
		serve  http.HandlerFunc
		cause  error
		broken bool
		text   string
	}{
		"OtherFile": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(gzipped(t, crlf(goodFunds))) }, nil, true, "SHA-1"},
		"Truncated": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(file[:len(file)-20]) }, nil, true, "ends early"},
		"NotGZIP":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>502</html>") }, nil, true, "SHA-1"},
		"Expired":   {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"code":"INVALID_REQUEST"}`, 400) }, nil, false, "400"},
		"Redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL+"/v3/billdownload/file", http.StatusFound)
		}, nil, false, "302"},
		"TooLarge": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(append(bytes.Clone(file), make([]byte, 20_000)...))
		}, transport.ErrAnswerTooLarge, false, ""},
		"CutOff": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10000")
			_, _ = w.Write(file)
		}, io.ErrUnexpectedEOF, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := billGateway(t, ownLink, sha1Of(text), tt.serve)
			cfg := keyConfig(g.URL)
			cfg.BillMaxBytes = 20_000
			if name == "TooLarge" {
				cfg.BillMaxBytes = int64(len(file))
			}
			_, err := newClient(t, cfg).FetchBill(t.Context(), channels.BillTrades, dayOf(t, billDay), io.Discard)
			e := wantFailedCall(t, err)
			var broken *channels.BrokenBillError
			if errors.As(err, &broken) != tt.broken || !strings.Contains(e.Error(), tt.text) || tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("error %v", err)
			}
		})
	}
	if redirected.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// TestFetchBill_Unpacks: a file that unpacks to more than the limit is not
// unpacked further.
func TestFetchBill_Unpacks(t *testing.T) {
	text := bytes.Repeat([]byte("0"), 8<<20)
	g := billGateway(t, ownLink, sha1Of(text), func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(gzipped(t, text)) })
	cfg := keyConfig(g.URL)
	cfg.BillMaxUnpackedBytes = 1 << 20
	_, err := newClient(t, cfg).FetchBill(t.Context(), channels.BillTrades, dayOf(t, billDay), io.Discard)
	if e := wantFailedCall(t, err); !strings.Contains(e.Error(), "unpacks to more than the limit") {
		t.Error(err)
	}
}

func TestFetchBill_ForeignLinks(t *testing.T) {
	var asked atomic.Int32
	foreign := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(foreign.Close)
	for name, link := range map[string]string{
		"Host":     foreign.URL + "/v3/billdownload/file?token=" + linkToken,
		"Relative": "/v3/billdownload/file?token=" + linkToken,
		"Document": "https://api.mch.weixin.qq.com/v3/billdownload/file?token=" + linkToken, // the base is a sandbox
		"Empty":    "",
	} {
		t.Run(name, func(t *testing.T) {
			g := billGateway(t, func(string) string { return link }, sha1Of(nil), func(http.ResponseWriter, *http.Request) {})
			_, err := newClient(t, keyConfig(g.URL)).FetchBill(t.Context(), channels.BillTrades, dayOf(t, billDay), io.Discard)
			_ = wantFailedCall(t, err)
		})
	}
	if asked.Load() != 0 {
		t.Error("a foreign host was asked")
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errDisk }

func TestFetchBill_CannotBeKept(t *testing.T) {
	text := crlf(goodTrades)
	g := billGateway(t, ownLink, sha1Of(text), func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(gzipped(t, text)) })
	_, err := newClient(t, keyConfig(g.URL)).FetchBill(t.Context(), channels.BillTrades, dayOf(t, billDay), failingWriter{})
	if _ = wantFailedCall(t, err); !errors.Is(err, errDisk) {
		t.Errorf("error %v", err)
	}
}

func TestFetchBill_NoHash(t *testing.T) {
	for _, body := range []string{
		`{"hash_type":"SHA256","hash_value":"` + strings.Repeat("0", 40) + `","download_url":"x"}`,
		`{"hash_type":"SHA1","download_url":"x"}`,
	} {
		g := newGateway(t, func(w http.ResponseWriter, _ seen) { wechat().write(w, http.StatusOK, body) })
		_, err := newClient(t, keyConfig(g.URL)).FetchBill(t.Context(), channels.BillTrades, dayOf(t, billDay), io.Discard)
		if e := wantFailedCall(t, err); !strings.Contains(e.Error(), "SHA-1") {
			t.Error(err)
		}
	}
}

// TestFetchBill_Absent: what WeChat Pay's refusals mean depends on when they
// come.
func TestFetchBill_Absent(t *testing.T) {
	for _, tt := range []struct {
		status   int
		code, at string
		want     error // nil: an error of the call
		outcome  channels.Outcome
	}{
		{400, "STATEMENT_CREATING", "2026-11-22T09:30:00+08:00", channels.ErrBillNotReady, 0},
		{400, "STATEMENT_CREATING", "2026-11-25T09:30:00+08:00", channels.ErrBillNotReady, 0},
		{400, "NO_STATEMENT_EXIST", "2026-11-22T09:30:00+08:00", channels.ErrBillNotReady, 0},
		{400, "NO_STATEMENT_EXIST", "2026-11-22T11:59:59+08:00", channels.ErrBillNotReady, 0},
		{400, "NO_STATEMENT_EXIST", "2026-11-22T12:00:00+08:00", channels.ErrNoBusiness, 0},
		{404, "NOSTATEMENTEXIST", "2026-11-22T12:00:00+08:00", channels.ErrNoBusiness, 0},
		{400, "INVALID_REQUEST", "2026-11-21T12:00:00+08:00", channels.ErrBillNotReady, 0},
		{400, "INVALID_REQUEST", "2026-11-22T12:00:00+08:00", nil, channels.Declined},
		{500, "STATEMENT_CREATING", "2026-11-22T12:00:00+08:00", nil, channels.Unknown},
		{500, "SYSTEM_ERROR", "2026-11-22T12:00:00+08:00", nil, channels.Unknown},
		{403, "NO_AUTH", "2026-11-22T12:00:00+08:00", nil, channels.Misconfigured},
		{429, "FREQUENCY_LIMITED", "2026-11-22T12:00:00+08:00", nil, channels.NotProcessed},
		{400, "NEVER_HEARD_OF", "2026-11-22T12:00:00+08:00", nil, channels.Unknown},
	} {
		t.Run(tt.code+" "+tt.at, func(t *testing.T) {
			g := newGateway(t, func(w http.ResponseWriter, _ seen) {
				w.WriteHeader(tt.status)
				_, _ = fmt.Fprintf(w, `{"code":%q,"message":"no"}`, tt.code)
			})
			c := newClient(t, keyConfig(g.URL))
			c.now = func() time.Time { return parseTime(tt.at) }
			_, err := c.FetchBill(t.Context(), channels.BillTrades, dayOf(t, billDay), io.Discard)
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

// TestFetchBill_KeyRefused: a refusal of our signature takes an account out
// only when the same question, signed anew, is refused too.
func TestFetchBill_KeyRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		refusals int32
		outcome  channels.Outcome
	}{"Once": {1, channels.Unknown}, "Always": {9, channels.Misconfigured}} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			g := newGateway(t, func(w http.ResponseWriter, r seen) {
				if !strings.HasPrefix(r.target, "/v3/bill/tradebill") {
					t.Errorf("asked %s", r.target)
				}
				if asked.Add(1) > tt.refusals {
					wechat().write(w, http.StatusOK, `{"hash_type":"SHA1"}`)
					return
				}
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"code":"SIGN_ERROR","message":"no"}`)
			})
			_, err := newClient(t, keyConfig(g.URL)).FetchBill(t.Context(), channels.BillTrades, dayOf(t, billDay), io.Discard)
			if e := wantFailedCall(t, err); e.Outcome != tt.outcome || asked.Load() != 2 {
				t.Errorf("%v after %d questions", err, asked.Load())
			}
		})
	}
}

// TestFetchBill_OtherAnswersFile: a signed answer that came for another day is
// none for this one.
func TestFetchBill_OtherAnswersFile(t *testing.T) {
	text := crlf(goodTrades)
	var header http.Header
	var body string
	var g *gateway
	g = newGateway(t, func(w http.ResponseWriter, r seen) {
		if strings.HasPrefix(r.target, "/v3/billdownload/file") {
			_, _ = w.Write(gzipped(t, text))
			return
		}
		if header == nil {
			body = fmt.Sprintf(`{"hash_type":"SHA1","hash_value":%q,"download_url":%q}`, sha1Of(text), ownLink(g.URL))
			header = wechat().header(body)
		}
		for name, values := range header {
			w.Header()[name] = values
		}
		_, _ = io.WriteString(w, body)
	})
	c := newClient(t, keyConfig(g.URL))
	if _, err := c.FetchBill(t.Context(), channels.BillTrades, dayOf(t, billDay), io.Discard); err != nil {
		t.Fatal(err)
	}
	_, err := c.FetchBill(t.Context(), channels.BillTrades, dayOf(t, billDay).Next(), io.Discard)
	adaptertest.WantOutcome(t, wantFailedCall(t, err), channels.BadSignature)
}
