package payment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// MaxAmountMinor is the largest amount that a request may name: 10^12 minor units.
const MaxAmountMinor = 1_000_000_000_000

// CreateRequest is the body of a payment to create. Absent fields are zero.
type CreateRequest struct {
	MerchantOrderNo string
	Amount          int64
	Currency        string
	Subject         string
	Scene           string
	Channel         string
	AuthCode        string
	PayerID         string
	ClientIP        string
	ReturnURL       string
	NotifyURL       string
	ExpiresAt       *time.Time
	CustomerID      string
	Region          string
	Metadata        map[string]string
}

// RefundRequest is the body of a refund to create.
type RefundRequest struct {
	MerchantRefundNo string
	PaymentID        string
	MerchantOrderNo  string
	Amount           int64
	Reason           string
	NotifyURL        string
}

// Channels that a request may name.
var knownChannels = map[string]bool{"alipay": true, "wechatpay": true, "unionpay": true}

const maxPayerField = 128

// wholeSecond is the tolerance of expires_at's bounds: whoever computes "two
// minutes from now" and writes whole seconds is not told that it is too near.
const wholeSecond = time.Second

type fieldErrors []FieldError

func (f *fieldErrors) add(field, format string, args ...any) {
	*f = append(*f, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// ValidateCreate names every wrong field of a request at once; now decides
// whether the limit is in bounds. It asks nobody.
func (s *Service) ValidateCreate(req CreateRequest, now time.Time) []FieldError {
	var f fieldErrors
	f.number("merchant_order_no", req.MerchantOrderNo)
	f.amount(req.Amount)
	if req.Currency != "" {
		if _, err := money.ParseCurrency(req.Currency); err != nil {
			f.add("currency", "must be an ISO 4217 code of three upper-case letters, for instance CNY")
		}
	}
	f.text("subject", req.Subject, 1, 127)
	if !knownScene(req.Scene) {
		f.add("scene", "must be one of qr, barcode, web, h5, app, jsapi")
	}
	if req.Channel != "" && !knownChannels[req.Channel] {
		f.add("channel", "must be alipay, wechatpay or unionpay, or absent to let the router decide")
	}
	f.payer(req)
	if scene := channels.Scene(req.Scene); scene == channels.SceneWeb || scene == channels.SceneH5 {
		f.url("return_url", req.ReturnURL)
	}
	f.url("notify_url", req.NotifyURL)
	if req.ExpiresAt != nil {
		if ahead := req.ExpiresAt.Sub(now); ahead < s.cfg.MinExpiry-wholeSecond || ahead > s.cfg.MaxExpiry+wholeSecond {
			f.add("expires_at", "must be %s to %s ahead", shortDuration(s.cfg.MinExpiry), shortDuration(s.cfg.MaxExpiry))
		}
	}
	f.text("customer_id", req.CustomerID, 0, 64)
	f.text("region", req.Region, 0, 64)
	f.metadata(req.Metadata)
	return f
}

// ValidateRefund names every wrong field of a request at once.
func (s *Service) ValidateRefund(req RefundRequest) []FieldError {
	var f fieldErrors
	f.number("merchant_refund_no", req.MerchantRefundNo)
	f.amount(req.Amount)
	switch {
	case req.PaymentID == "" && req.MerchantOrderNo == "":
		f.add("payment_id", "either payment_id or merchant_order_no is required")
	case req.PaymentID != "" && req.MerchantOrderNo != "":
		f.add("merchant_order_no", "give payment_id or merchant_order_no, not both")
	case req.MerchantOrderNo != "":
		f.number("merchant_order_no", req.MerchantOrderNo)
	default:
		f.text("payment_id", req.PaymentID, 1, 64)
	}
	f.text("reason", req.Reason, 0, 80)
	f.url("notify_url", req.NotifyURL)
	return f
}

func (f *fieldErrors) number(field, v string) {
	if len(v) < 1 || len(v) > 64 || !isToken(v) {
		f.add(field, "must be 1 to 64 of A-Z a-z 0-9 _ -")
	}
}

func (f *fieldErrors) amount(v int64) {
	if v < 1 || v > MaxAmountMinor {
		f.add("amount", "must be an integer from 1 to %d in the currency's minor unit", int64(MaxAmountMinor))
	}
}

// text checks the number of code points and refuses control characters and
// what is not UTF-8.
func (f *fieldErrors) text(field, v string, least, most int) {
	if !utf8.ValidString(v) {
		f.add(field, "must be valid UTF-8")
		return
	}
	if n := utf8.RuneCountInString(v); n < least || n > most {
		if least == 0 {
			f.add(field, "must be at most %d characters", most)
		} else {
			f.add(field, "must be %d to %d characters", least, most)
		}
		return
	}
	for _, r := range v {
		if unicode.IsControl(r) {
			f.add(field, "must not hold control characters")
			return
		}
	}
}

// payer checks the fields that name the payer in the scene that uses them; in
// the others they are ignored.
func (f *fieldErrors) payer(req CreateRequest) {
	switch channels.Scene(req.Scene) {
	case channels.SceneBarcode:
		switch {
		case req.AuthCode == "":
			f.add("auth_code", "is required for barcode")
		case len(req.AuthCode) > maxPayerField || !isDigits(req.AuthCode):
			f.add("auth_code", "must be the digits of the payer's code")
		}
	case channels.SceneJSAPI:
		f.text("payer_id", req.PayerID, 0, maxPayerField)
		if req.PayerID == "" {
			f.add("payer_id", "is required for jsapi")
		}
		if req.Channel == "" {
			f.add("channel", "is required for jsapi, as payer_id belongs to one channel")
		}
	case channels.SceneH5:
		if req.ClientIP == "" {
			f.add("client_ip", "is required for h5")
		} else if _, err := netip.ParseAddr(req.ClientIP); err != nil {
			f.add("client_ip", "must be an IPv4 or IPv6 address")
		}
	case channels.SceneQR, channels.SceneWeb, channels.SceneApp:
	}
}

func (f *fieldErrors) url(field, v string) {
	if v == "" {
		return
	}
	f.text(field, v, 1, 512)
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil {
		f.add(field, "must be an absolute http or https URL without user information")
	}
}

func (f *fieldErrors) metadata(m map[string]string) {
	if len(m) > 20 {
		f.add("metadata", "must hold at most 20 pairs")
		return
	}
	for k, v := range m {
		field := "metadata." + k
		if utf8.RuneCountInString(k) < 1 || utf8.RuneCountInString(k) > 64 {
			f.add("metadata", "keys must be 1 to 64 characters")
			continue
		}
		f.text(field, k, 1, 64)
		f.text(field, v, 0, 512)
	}
}

func knownScene(s string) bool {
	for _, k := range channels.Scenes() {
		if string(k) == s {
			return true
		}
	}
	return false
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
		if !ok {
			return false
		}
	}
	return true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func shortDuration(d time.Duration) string {
	if d%time.Hour == 0 {
		return strconv.Itoa(int(d/time.Hour)) + " h"
	}
	return strconv.Itoa(int(d/time.Minute)) + " min"
}

// walletOf tells the channel of a payer's code by its form.
func walletOf(authCode string) string {
	n := len(authCode)
	prefix := 0
	if n >= 2 {
		prefix = int(authCode[0]-'0')*10 + int(authCode[1]-'0')
	}
	switch {
	case n >= 16 && n <= 24 && prefix >= 25 && prefix <= 30:
		return "alipay"
	case n == 18 && prefix >= 10 && prefix <= 15:
		return "wechatpay"
	default:
		return "unionpay"
	}
}

// withDefaults fills in what the merchant's settings say for absent fields.
func (req CreateRequest) withDefaults(m Merchant) CreateRequest {
	if req.Currency == "" {
		req.Currency = string(money.CNY)
	}
	if req.NotifyURL == "" {
		req.NotifyURL = m.NotifyURL
	}
	if len(req.Metadata) == 0 {
		req.Metadata = nil
	}
	return req
}

// ofScene drops the fields that the scene does not use: nobody checked them.
func (req CreateRequest) ofScene() CreateRequest {
	scene := channels.Scene(req.Scene)
	if scene != channels.SceneBarcode {
		req.AuthCode = ""
	}
	if scene != channels.SceneJSAPI {
		req.PayerID = ""
	}
	if scene != channels.SceneH5 {
		req.ClientIP = ""
	}
	if scene != channels.SceneWeb && scene != channels.SceneH5 {
		req.ReturnURL = ""
	}
	return req
}

// hash is over everything that a repeat must have in common but the limit,
// which is compared apart: an absent one equals an absent one.
func (req CreateRequest) hash() string {
	expires := ""
	if req.ExpiresAt != nil {
		expires = strconv.FormatInt(req.ExpiresAt.UnixMilli(), 10)
	}
	return hashOf(
		req.MerchantOrderNo, req.Amount, req.Currency, req.Subject, req.Scene, req.Channel, req.AuthCode, req.PayerID,
		req.ClientIP, req.ReturnURL, req.NotifyURL, expires, req.CustomerID, req.Region, req.Metadata,
	)
}

func (req RefundRequest) hash(paymentID string) string {
	return hashOf(req.MerchantRefundNo, paymentID, req.Amount, req.Reason, req.NotifyURL)
}

// hashOf writes the values as one JSON array, in which no two lists of values
// look alike and maps are sorted.
func hashOf(values ...any) string {
	text, err := json.Marshal(values)
	if err != nil {
		// Strings, integers and string maps always have a JSON form.
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
