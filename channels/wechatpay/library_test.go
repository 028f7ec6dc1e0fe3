package wechatpay

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	partnerapp "github.com/wechatpay-apiv3/wechatpay-go/services/partnerpayments/app"
	partnerh5 "github.com/wechatpay-apiv3/wechatpay-go/services/partnerpayments/h5"
	partnerjsapi "github.com/wechatpay-apiv3/wechatpay-go/services/partnerpayments/jsapi"
	partnernative "github.com/wechatpay-apiv3/wechatpay-go/services/partnerpayments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/app"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/h5"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"

	"github.com/paymux/paymux/channels"
)

// toHost sends the library's calls, whose host is a constant, to another one.
type toHost struct{ base *url.URL }

func (t toHost) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = t.base.Scheme, t.base.Host
	return http.DefaultTransport.RoundTrip(r)
}

// libraryClient is the official library against a host of the test.
func libraryClient(t testing.TB, base string, merchant *rsa.PrivateKey, wechatKey *rsa.PublicKey) *core.Client {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	c, err := core.NewClient(t.Context(),
		option.WithWechatPayPublicKeyAuthCipher(testMchID, testSerial, merchant, testKeyID, wechatKey),
		option.WithHTTPClient(&http.Client{Transport: toHost{u}, Timeout: 5 * time.Second}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestOrdersAreTheLibrarys: what the library's types know of an order is what
// we send, no field more.
func TestOrdersAreTheLibrarys(t *testing.T) {
	g := prepaid(t)
	partner := partnerConfig(g.URL)
	partner.SubAppID = "wxsub00000000000001"
	direct := newClient(t, keyConfig(g.URL))
	for scene, types := range map[channels.Scene][2]any{
		channels.SceneQR:    {&native.PrepayRequest{}, &partnernative.PrepayRequest{}},
		channels.SceneH5:    {&h5.PrepayRequest{}, &partnerh5.PrepayRequest{}},
		channels.SceneApp:   {&app.PrepayRequest{}, &partnerapp.PrepayRequest{}},
		channels.SceneJSAPI: {&jsapi.PrepayRequest{}, &partnerjsapi.PrepayRequest{}},
	} {
		for i, c := range []*Client{direct, newClient(t, partner)} {
			if _, err := c.Pay(t.Context(), payRequest(scene)); err != nil {
				t.Fatal(err)
			}
			sent := g.last().body
			dec := json.NewDecoder(strings.NewReader(sent))
			dec.DisallowUnknownFields()
			if err := dec.Decode(types[i]); err != nil {
				t.Errorf("%s: %v", scene, err)
				continue
			}
			again, err := json.Marshal(types[i])
			if err != nil {
				t.Errorf("%s: the library misses a field: %v", scene, err)
				continue
			}
			var ours, theirs any
			if json.Unmarshal([]byte(sent), &ours) != nil || json.Unmarshal(again, &theirs) != nil || !reflect.DeepEqual(ours, theirs) {
				t.Errorf("%s: we send\n%s\nthe library would send\n%s", scene, sent, again)
			}
		}
	}
}

// TestLibraryAgreesOnSignatures: the test's own WeChat Pay, which everything
// else here is judged by, satisfies the official library.
func TestLibraryAgreesOnSignatures(t *testing.T) {
	now := signer{key: testKeys().wechat, id: testKeyID, at: time.Now()}
	g := newGateway(t, func(w http.ResponseWriter, r seen) {
		if r.method == http.MethodPost {
			now.write(w, 204, "")
			return
		}
		now.write(w, 200, transaction(nil))
	})
	svc := native.NativeApiService{Client: libraryClient(t, g.URL, testKeys().merchant, &testKeys().wechat.PublicKey)}
	id, mchid := testAttempt, testMchID
	got, _, err := svc.QueryOrderByOutTradeNo(t.Context(), native.QueryOrderByOutTradeNoRequest{OutTradeNo: &id, Mchid: &mchid})
	if err != nil || *got.TradeState != "SUCCESS" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := svc.CloseOrder(t.Context(), native.CloseOrderRequest{OutTradeNo: &id, Mchid: &mchid}); err != nil {
		t.Error(err)
	}
	text := notice("TRANSACTION.SUCCESS", transaction(nil))
	paid, err := parseByLibrary(t, now.header(text), text)
	if err != nil || *paid.OutTradeNo != testAttempt {
		t.Errorf("%v, %v", paid, err)
	}
}

func parseByLibrary(t testing.TB, header http.Header, body string) (*payments.Transaction, error) {
	t.Helper()
	handler, err := notify.NewRSANotifyHandler(testAPIKey, verifiers.NewSHA256WithRSAPubkeyVerifier(testKeyID, testKeys().wechat.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader(body))
	req.Header = header
	out := new(payments.Transaction)
	_, err = handler.ParseNotifyRequest(context.Background(), req, out)
	return out, err
}
