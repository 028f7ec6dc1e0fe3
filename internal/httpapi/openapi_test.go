package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/go-chi/chi/v5"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
)

// served is the API document as the server gives it.
func served(t *testing.T, h *harness) *openapi3.T {
	t.Helper()
	w := h.get("/openapi.json")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheDocumentIsValidOpenAPI31(t *testing.T) {
	h := newHarness(t)
	doc := served(t, h)
	if doc.OpenAPI != "3.1.0" || !doc.IsOpenAPI31OrLater() {
		t.Errorf("version %s", doc.OpenAPI)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Error(err)
	}
	if strings.Contains(h.get("/openapi.json").Body.String(), yamlOnly) {
		t.Error("the YAML's own anchors are served")
	}
}

func TestTheDocumentSpeaksChineseToo(t *testing.T) {
	h := newHarness(t)
	var look func(path string, n node)
	look = func(path string, n node) {
		for _, m := range n.members {
			at := path + "/" + m.name
			if m.name == "example" || m.name == "examples" || m.name == "x-zh" {
				continue
			}
			if m.name == "properties" || m.name == "parameters" && m.value.kind == kindObject {
				for _, p := range m.value.members {
					if p.value.get("description") != nil && p.value.get("x-zh") == nil {
						t.Errorf("%s/%s has no Chinese text", at, p.name)
					}
				}
			}
			if m.name == "get" || m.name == "post" {
				if zh := m.value.get("x-zh"); m.value.get("operationId") != nil && (zh == nil || zh.get("summary") == nil ||
					(m.value.get("description") != nil) != (zh.get("description") != nil)) {
					t.Errorf("%s has no Chinese text", at)
				}
			}
			look(at, m.value)
		}
		for i, item := range n.items {
			look(fmt.Sprintf("%s/%d", path, i), item)
		}
	}
	look("", h.server.spec.root)
}

// TestRoutesAndDocumentAgree: every route is in the document, every operation
// of the document is a route.
func TestRoutesAndDocumentAgree(t *testing.T) {
	h := newHarness(t)
	routed := map[string]bool{}
	for _, mux := range []chi.Router{h.server.api, h.server.public} {
		err := chi.Walk(mux, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
			routed[method+" "+pattern] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	documented := map[string]bool{}
	doc := served(t, h)
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			documented[method+" "+path] = true
		}
	}
	for op := range routed {
		if !documented[op] {
			t.Errorf("%s is not in the document", op)
		}
	}
	for op := range documented {
		if !routed[op] {
			t.Errorf("%s is not a route", op)
		}
	}
}

// TestRequestFieldsAndDocumentAgree: what is read is what is documented.
func TestRequestFieldsAndDocumentAgree(t *testing.T) {
	h := newHarness(t)
	schemas := served(t, h).Components.Schemas
	agree := func(schema string, names []string) {
		t.Helper()
		var documented []string
		for name := range schemas[schema].Value.Properties {
			documented = append(documented, name)
		}
		slices.Sort(documented)
		slices.Sort(names)
		if !slices.Equal(documented, names) {
			t.Errorf("%s: %v are documented, %v are read", schema, documented, names)
		}
	}
	agree("PaymentRequest", fieldNames(createFields))
	agree("RouteQuestion", fieldNames(createFields))
	agree("RefundRequest", fieldNames(refundFields))
	agree("EnableRequest", fieldNames(enableFields))
	var listed []string
	for _, code := range schemas["Problem"].Value.Properties["code"].Value.Enum {
		listed = append(listed, code.(string))
	}
	var known []string
	for _, info := range Codes() {
		known = append(known, string(info.Code))
	}
	if !slices.Equal(listed, known) {
		t.Errorf("codes: %v are documented, %v are known", listed, known)
	}
}

func fieldNames[T any](fields []field[T]) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

// files finds the operations of files too, whose date is not followed by a
// slash, which the router cannot.
type files struct {
	routers.Router
	doc *openapi3.T
}

func (f files) FindRoute(r *http.Request) (*routers.Route, map[string]string, error) {
	const folder = "/v1/statements/"
	name, ok := strings.CutPrefix(r.URL.Path, folder)
	date, form, _ := strings.Cut(name, ".")
	path := folder + "{date}." + form
	item := f.doc.Paths.Value(path)
	if !ok || item == nil || item.GetOperation(r.Method) == nil {
		return f.Router.FindRoute(r)
	}
	return &routers.Route{
		Spec: f.doc, Server: f.doc.Servers[0], Path: path, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method),
	}, map[string]string{"date": date}, nil
}

// judge holds every answer of the server against the document.
type judge struct {
	t      *testing.T
	server http.Handler
	router routers.Router
	seen   map[string]bool
}

func (j *judge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := j.t
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	rec := httptest.NewRecorder()
	j.server.ServeHTTP(rec, r)
	defer func() {
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	}()
	if rec.Code == http.StatusMethodNotAllowed || r.Method == http.MethodHead {
		return
	}
	route, params, err := j.router.FindRoute(r)
	if err != nil {
		if rec.Code != http.StatusNotFound && rec.Code != http.StatusUnauthorized {
			t.Errorf("%s %s: status %d: %v", r.Method, r.URL.Path, rec.Code, err)
		}
		return
	}
	j.seen[fmt.Sprintf("%s %d", route.Operation.OperationID, rec.Code)] = true
	r.Body = io.NopCloser(bytes.NewReader(body))
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true,
		},
	}
	if rec.Code < 300 && strings.HasPrefix(r.URL.Path, "/v1/") {
		if len(body) > 0 {
			r.Header.Set("Content-Type", "application/json")
		}
		if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
			t.Errorf("%s %s was accepted against the document: %v", r.Method, r.URL, err)
		}
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: rec.Code, Header: rec.Header(), Options: input.Options}
	answer.SetBodyBytes(rec.Body.Bytes())
	if typ := rec.Header().Get("Content-Type"); strings.HasPrefix(typ, "text/") || typ == statementXLSX.contentType {
		answer.Options = &openapi3filter.Options{ExcludeResponseBody: true, IncludeResponseStatus: true}
	}
	if err := openapi3filter.ValidateResponse(r.Context(), answer); err != nil {
		t.Errorf("%s %s: status %d: %v\n%s", r.Method, r.URL, rec.Code, err, rec.Body)
	}
}

// TestRealAnswersAgreeWithTheDocument drives every operation to every kind of
// answer that it can give here.
func TestRealAnswersAgreeWithTheDocument(t *testing.T) {
	h := newHarness(t, func(_ *Config, d *Deps) {
		d.Checks = []Check{{Name: "database", Probe: func(context.Context) error { return nil }}}
	})
	doc := served(t, h)
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	j := &judge{t: t, server: h.server, router: files{Router: router, doc: doc}, seen: map[string]bool{}}
	h.http.Config.Handler = j
	create := func(status int, body string) payment.View {
		return viewOf(t, h.do(status, "POST", "/v1/payments", body).Body)
	}

	full := `{"merchant_order_no":"full","amount":1,"currency":"CNY","subject":"x","scene":"jsapi","channel":"alipay","payer_id":"p","client_ip":"1.2.3.4",
		"return_url":"https://a.test/","notify_url":"https://b.test/","expires_at":"2025-11-21T12:30:00+08:00","customer_id":"c","region":"r","metadata":{"k":"v"},"auth_code":null}`
	for i, action := range []*channels.Action{
		nil,
		{Type: channels.ActionQRCode, CodeURL: "https://qr.test/"},
		{Type: channels.ActionRedirect, URL: "https://pay.test/"},
		{Type: channels.ActionForm, URL: "https://pay.test/", Fields: map[string]string{"a": "b"}},
		{Type: channels.ActionApp, Params: "a=b&c=d"},
		{Type: channels.ActionApp, Params: map[string]string{"tn": "1"}},
		{Type: channels.ActionJSAPI, Params: map[string]string{"trade_no": "1"}},
	} {
		h.core.change(func(c *fakeCore) { c.action = action })
		create(201, strings.Replace(full, "full", fmt.Sprintf("full-%d", i), 1))
	}
	id := create(201, createBody).ID
	create(200, createBody)
	h.core.change(func(c *fakeCore) { c.status = payment.Processing })
	uncertain := create(202, orderBody("U-1")).ID
	h.core.change(func(c *fakeCore) { c.status = payment.Failed })
	failed := create(201, orderBody("U-2")).ID
	h.do(409, "POST", "/v1/payments", strings.Replace(createBody, "8800", "1", 1))
	h.do(200, "GET", "/v1/payments/"+id, "")
	h.do(404, "GET", "/v1/payments/nothing", "")
	h.do(200, "GET", "/v1/payments?limit=2&status=pending&channel=alipay&created_from=2025-11-21T00:00:00Z", "")
	h.do(202, "POST", "/v1/payments/"+uncertain+"/close", "{}")
	h.do(409, "POST", "/v1/payments/"+failed+"/close", "{}")
	h.do(404, "POST", "/v1/payments/nothing/close", "{}")

	refund := `{"merchant_refund_no":"R-1","payment_id":"` + id + `","amount":100}`
	var rv payment.RefundView
	if err := json.Unmarshal(h.do(201, "POST", "/v1/refunds", refund).Body, &rv); err != nil {
		t.Fatal(err)
	}
	h.do(200, "POST", "/v1/refunds", refund)
	h.do(409, "POST", "/v1/refunds", strings.Replace(refund, "100", "1", 1))
	h.do(404, "POST", "/v1/refunds", `{"merchant_refund_no":"R-2","payment_id":"nothing","amount":100}`)
	h.core.change(func(c *fakeCore) { c.refundStatus = payment.RefundProcessing })
	h.do(202, "POST", "/v1/refunds", strings.Replace(refund, "R-1", "R-3", 1))
	h.do(200, "GET", "/v1/refunds/"+rv.ID, "")
	h.do(404, "GET", "/v1/refunds/nothing", "")
	h.do(200, "GET", "/v1/refunds", "")
	h.do(200, "POST", "/v1/payments/"+id+"/close", "")

	h.core.change(func(c *fakeCore) {
		c.decision = channels.Decision{Strategy: "weight", Candidates: []channels.Candidate{{AccountID: "a", Channel: "alipay", Chosen: true, Reason: "x"}, {AccountID: "b", Channel: "unionpay", Rejection: channels.NotChosen, Reason: "y"}}}
	})
	h.do(200, "POST", "/v1/routes/explain", `{"amount":1,"scene":"qr"}`)
	h.core.change(func(c *fakeCore) { c.decision = channels.Decision{} })
	h.do(200, "POST", "/v1/routes/explain", `{"amount":1,"scene":"qr"}`)
	h.do(200, "GET", "/v1/channels", "")
	event := h.events.events[0].ID
	h.do(200, "GET", "/v1/events", "")
	h.do(200, "GET", "/v1/events/"+event, "")
	h.do(404, "GET", "/v1/events/nothing", "")
	h.do(202, "POST", "/v1/events/"+event+"/resend", "")
	h.do(404, "POST", "/v1/events/nothing/resend", "")
	h.do(200, "POST", "/v1/webhook-endpoints/enable", `{"url":"https://a.test/"}`)

	h.do(200, "GET", "/v1/reconciliations?limit=2&date=2025-11-20&channel=alipay&all_versions=true", "")
	h.do(200, "GET", "/v1/reconciliations", "")
	h.do(200, "GET", "/v1/reconciliations/rec_0", "")
	h.do(404, "GET", "/v1/reconciliations/nothing", "")
	h.do(200, "GET", "/v1/reconciliations/rec_0/discrepancies?status=open", "")
	h.do(200, "GET", "/v1/reconciliations/rec_0/discrepancies", "")
	h.do(404, "GET", "/v1/reconciliations/nothing/discrepancies", "")
	for _, form := range []string{"csv", "xlsx", "csv.sha256", "xlsx.sha256"} {
		h.do(200, "GET", "/v1/statements/2025-11-20."+form+"?version=1", "")
		h.do(404, "GET", "/v1/statements/2025-11-19."+form, "")
	}

	// What every signed operation can answer whatever it is asked.
	operations := h.server.routes()
	for _, rt := range operations {
		target := strings.NewReplacer("{id}", "nothing", "{date}", "2025-11-19").Replace(rt.pattern)
		h.do(400, rt.method, target+"?unknown=1", "")
		h.limit.wait.Store(1)
		h.do(429, rt.method, target, "")
		h.limit.wait.Store(0)
		h.keys.set(func(k *fakeKeys) { m := k.merchants[shop]; m.Disabled = true; k.merchants[shop] = m })
		h.do(403, rt.method, target, "")
		h.keys.set(func(k *fakeKeys) { m := k.merchants[shop]; m.Disabled = false; k.merchants[shop] = m })
		h.nonces.fail(payment.ErrUnavailable)
		h.nonces.readErr = payment.ErrUnavailable
		h.do(503, rt.method, target, "")
		h.nonces.fail(nil)
		h.nonces.readErr = nil
		for _, body := range []string{"", strings.Repeat("x", 70000)} {
			r, err := http.NewRequestWithContext(t.Context(), rt.method, h.http.URL+target, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			res, err := h.http.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
		}
	}
	h.core.change(func(c *fakeCore) { c.err = io.ErrUnexpectedEOF })
	h.do(500, "POST", "/v1/payments", createBody)
	h.do(500, "GET", "/v1/payments/"+id, "")
	h.core.change(func(c *fakeCore) { c.err = &payment.Error{Code: payment.CodeSceneUnsupported, Message: "x"} })
	h.do(422, "POST", "/v1/payments", createBody)
	h.do(422, "POST", "/v1/routes/explain", `{"amount":1,"scene":"qr"}`)

	for _, target := range []string{"/v1/platform-keys", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/errors?lang=zh", "/return"} {
		res, err := h.http.Client().Get(h.http.URL + target)
		if err != nil || res.StatusCode != 200 {
			t.Errorf("%s: %v %d", target, err, res.StatusCode)
			continue
		}
		_ = res.Body.Close()
	}
	for _, target := range []string{"/return", "/notify/alipay/acc_1"} {
		res, err := h.http.Client().Post(h.http.URL+target, "application/x-www-form-urlencoded", strings.NewReader("a=b"))
		if err != nil || res.StatusCode != 200 {
			t.Errorf("%s: %v", target, err)
			continue
		}
		_ = res.Body.Close()
	}
	j.everyOperation(doc)
}

// everyOperation demands that each operation was driven to its success and,
// where it is signed, to the refusals that all of them share.
func (j *judge) everyOperation(doc *openapi3.T) {
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status := range op.Responses.Map() {
				success := strings.HasPrefix(status, "2") && status != "204"
				shared := strings.HasPrefix(path, "/v1/") && path != "/v1/platform-keys" && slices.Contains([]string{"400", "401", "403", "413", "429", "503"}, status)
				if (success || shared) && !j.seen[op.OperationID+" "+status] {
					j.t.Errorf("%s %s was not driven to %s", method, path, status)
				}
			}
		}
	}
}

// TestErrorsDocumentHasEveryCode holds docs/errors.md against the table.
func TestErrorsDocumentHasEveryCode(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "| 4") || strings.HasPrefix(line, "| 5") {
			rows = append(rows, line)
		}
	}
	if len(rows) != len(Codes()) {
		t.Fatalf("%d rows, %d codes", len(rows), len(Codes()))
	}
	for i, info := range Codes() {
		cells := strings.Split(rows[i], " | ")
		want := []string{fmt.Sprintf("| %d", info.Status), "`" + string(info.Code) + "`", info.Title, strings.TrimSuffix(info.Advice, " ") + " |"}
		if !slices.Equal(cells, want) {
			t.Errorf("row %q\nwant %q", rows[i], strings.Join(want, " | "))
		}
	}
}
