package sandbox_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/downloader"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/app"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/h5"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"

	"github.com/paymux/paymux/internal/sandbox"
)

// redirect sends the SDK's calls, whose address is fixed, to the simulator; the signature covers path and query only.
type redirect struct {
	to   *url.URL
	next http.RoundTripper
}

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	clone := req.Clone(req.Context())
	clone.URL.Scheme, clone.URL.Host = r.to.Scheme, r.to.Host
	return r.next.RoundTrip(clone)
}

// TestWechatpay_OfficialSDK runs WeChat Pay's own Go SDK against the simulator in both of the channel's modes.
func TestWechatpay_OfficialSDK(t *testing.T) {
	s := start(t, sandbox.Options{})
	w := s.wechatpay()
	to, err := url.Parse(w.base)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: redirect{to, w.http.Transport}}
	ctx := t.Context()
	public := w.keys[w.cred.PublicKeyID]
	manager := downloader.NewCertificateDownloaderMgr(ctx)
	certificates, err := core.NewClient(ctx, option.WithMerchantCredential(w.cred.MchID, w.cred.Serial, w.key), option.WithHTTPClient(client), option.WithoutValidator())
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.RegisterDownloaderWithClient(ctx, certificates, w.cred.MchID, w.cred.APIV3Key); err != nil {
		t.Fatal(err)
	}
	for mode, c := range map[string]struct {
		cipher   core.ClientOption
		verifier auth.Verifier
	}{
		"key":  {option.WithWechatPayPublicKeyAuthCipher(w.cred.MchID, w.cred.Serial, w.key, w.cred.PublicKeyID, public), verifiers.NewSHA256WithRSAPubkeyVerifier(w.cred.PublicKeyID, *public)},
		"cert": {option.WithWechatPayAutoAuthCipherUsingDownloaderMgr(w.cred.MchID, w.cred.Serial, w.key, manager), verifiers.NewSHA256WithRSAVerifier(manager.GetCertificateVisitor(w.cred.MchID))},
	} {
		t.Run(mode, func(t *testing.T) {
			sdk, err := core.NewClient(ctx, c.cipher, option.WithHTTPClient(client))
			if err != nil {
				t.Fatal(err)
			}
			handler, err := notify.NewRSANotifyHandler(w.cred.APIV3Key, c.verifier)
			if err != nil {
				t.Fatal(err)
			}
			(&officialSDK{s, w, sdk, handler, newMerchant(t), "sdk-" + mode}).walk(t)
		})
	}
}

type officialSDK struct {
	s       *running
	w       *wechatpay
	client  *core.Client
	handler *notify.Handler
	m       *merchant
	number  string
}

func (o *officialSDK) notified(t *testing.T, content any) string {
	t.Helper()
	got := o.m.next(t)
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(got.raw))
	req.Header = got.header
	n, err := o.handler.ParseNotifyRequest(context.Background(), req, content)
	if err != nil {
		t.Fatal(err)
	}
	return n.EventType
}

func sdkOK[T any](t *testing.T) func(v T, result *core.APIResult, err error) T {
	return func(v T, _ *core.APIResult, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (o *officialSDK) walk(t *testing.T) {
	ctx, str, mchid := t.Context(), core.String, core.String(o.w.cred.MchID)
	codes := native.NativeApiService{Client: o.client}
	query := func() (*payments.Transaction, *core.APIResult, error) {
		return codes.QueryOrderByOutTradeNo(ctx, native.QueryOrderByOutTradeNoRequest{OutTradeNo: &o.number, Mchid: mchid})
	}
	if _, _, err := query(); !core.IsAPIError(err, "ORDER_NOT_EXIST") {
		t.Errorf("query of nothing: %v", err)
	}
	code := sdkOK[*native.PrepayResponse](t)(codes.Prepay(ctx, native.PrepayRequest{
		Appid: &o.w.cred.AppID, Mchid: mchid, Description: str("咖啡 & 蛋糕"), OutTradeNo: &o.number, NotifyUrl: &o.m.URL,
		Amount: &native.Amount{Total: core.Int64(1000), Currency: str("CNY")},
	}))
	o.s.must(http.MethodPost, "pay", payWith(qr(*code.CodeUrl)), nil)
	var paid payments.Transaction
	if event := o.notified(t, &paid); event != "TRANSACTION.SUCCESS" || *paid.OutTradeNo != o.number || *paid.Amount.PayerTotal != 1000 {
		t.Errorf("%s: %v", event, paid)
	}
	if r := sdkOK[*payments.Transaction](t)(query()); *r.TradeState != "SUCCESS" || *r.TransactionId != *paid.TransactionId {
		t.Errorf("query: %v", r)
	}

	refunds := refunddomestic.RefundsApiService{Client: o.client}
	refund := sdkOK[*refunddomestic.Refund](t)(refunds.Create(ctx, refunddomestic.CreateRequest{
		TransactionId: paid.TransactionId, OutRefundNo: str(o.number + "-r"), NotifyUrl: &o.m.URL,
		Amount: &refunddomestic.AmountReq{Refund: core.Int64(400), Total: core.Int64(1000), Currency: str("CNY")},
	}))
	var notice refunddomestic.Refund
	if event := o.notified(t, &notice); event != "REFUND.SUCCESS" || *refund.Status != "PROCESSING" || *notice.RefundId != *refund.RefundId {
		t.Errorf("%s: %v", event, notice)
	}
	refund = sdkOK[*refunddomestic.Refund](t)(refunds.QueryByOutRefundNo(ctx, refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: str(o.number + "-r")}))
	if *refund.Status != "SUCCESS" || refund.SuccessTime == nil || *refund.Amount.PayerRefund != 400 {
		t.Errorf("refund: %v", refund)
	}

	// What the SDK signs for the wallet, as the page and the app get it.
	pay := func(kind string, params any) {
		t.Helper()
		raw, err := json.Marshal(params)
		if err != nil {
			t.Fatal(err)
		}
		o.s.must(http.MethodPost, "pay", payWith(M{"type": kind, "params": json.RawMessage(raw)}), nil)
		o.notified(t, &paid)
	}
	pages := jsapi.JsapiApiService{Client: o.client}
	page := sdkOK[*jsapi.PrepayWithRequestPaymentResponse](t)(pages.PrepayWithRequestPayment(ctx, jsapi.PrepayRequest{
		Appid: &o.w.cred.AppID, Mchid: mchid, Description: str("x"), OutTradeNo: str(o.number + "-j"), NotifyUrl: &o.m.URL,
		Amount: &jsapi.Amount{Total: core.Int64(100)}, Payer: &jsapi.Payer{Openid: str("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")},
	}))
	pay("jsapi", M{
		"appId": page.Appid, "timeStamp": page.TimeStamp, "nonceStr": page.NonceStr, "package": page.Package, "signType": page.SignType, "paySign": page.PaySign,
	})
	apps := app.AppApiService{Client: o.client}
	inApp := sdkOK[*app.PrepayWithRequestPaymentResponse](t)(apps.PrepayWithRequestPayment(ctx, app.PrepayRequest{
		Appid: &o.w.cred.AppID, Mchid: mchid, Description: str("x"), OutTradeNo: str(o.number + "-a"), NotifyUrl: &o.m.URL,
		Amount: &app.Amount{Total: core.Int64(100)},
	}))
	pay("app", M{
		"appid": o.w.cred.AppID, "partnerid": inApp.PartnerId, "prepayid": inApp.PrepayId, "package": inApp.Package, "noncestr": inApp.NonceStr,
		"timestamp": inApp.TimeStamp, "sign": inApp.Sign,
	})

	links := h5.H5ApiService{Client: o.client}
	sdkOK[*h5.PrepayResponse](t)(links.Prepay(ctx, h5.PrepayRequest{
		Appid: &o.w.cred.AppID, Mchid: mchid, Description: str("x"), OutTradeNo: str(o.number + "-h"), NotifyUrl: &o.m.URL,
		Amount: &h5.Amount{Total: core.Int64(100)}, SceneInfo: &h5.SceneInfo{PayerClientIp: str("127.0.0.1"), H5Info: &h5.H5Info{Type: str("Wap")}},
	}))
	if _, err := links.CloseOrder(ctx, h5.CloseOrderRequest{OutTradeNo: str(o.number + "-h"), Mchid: mchid}); err != nil {
		t.Errorf("close: %v", err)
	}
	for _, kind := range []string{"bad_signature", "bad_signature", "unsigned", "stale"} {
		o.s.wfault(M{"operation": "query", "kind": kind, "count": 1})
		if _, _, err := query(); err == nil {
			t.Errorf("the SDK took an answer with %s", kind)
		}
	}
}
