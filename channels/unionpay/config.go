package unionpay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/paymux/paymux/channels/texts"
)

// Config is one account's credentials. Certificates and keys are PEM text.
// The merchant's key is given either as the .pfx file that UnionPay's
// authority issues (pfx_base64, pfx_password) or as PEM (merchant_private_key,
// merchant_cert).
type Config struct {
	// BaseURL is the gateway without a path, for instance
	// https://gateway.95516.com.
	BaseURL string `json:"base_url"`
	// FileURL is where settlement files are downloaded, for instance
	// https://filedownload.95516.com; absent: files cannot be downloaded.
	FileURL string `json:"file_url,omitempty"`
	// MerID is the merchant's number, 15 letters and digits.
	MerID string `json:"mer_id"`

	PFXBase64   string `json:"pfx_base64,omitempty"`
	PFXPassword string `json:"pfx_password,omitempty"`
	// MerchantPrivateKey may be absent when Deps.Signer is given.
	MerchantPrivateKey string `json:"merchant_private_key,omitempty"`
	MerchantCert       string `json:"merchant_cert,omitempty"`

	// RootCert and MiddleCert are the authority's; each may hold several
	// certificates, for a change of them.
	RootCert   string `json:"root_cert"`
	MiddleCert string `json:"middle_cert"`
	// SignCert is UnionPay's present signing certificate. Messages bring their
	// own, so it is optional: it is checked once, at the start, and its end is
	// watched.
	SignCert string `json:"sign_cert,omitempty"`

	// TermID is the terminal that qr and barcode orders name; absent: none.
	TermID string `json:"term_id,omitempty"`
	// AllowTestCN accepts the name that UnionPay's signing certificates bore
	// at its test gateway beside its real one. It is for tests only.
	AllowTestCN bool `json:"allow_test_cn,omitempty"`
	// SameDayUndo sends a full refund on the order's own settlement day as an
	// undo of it (txnType 31). UnionPay must have enabled that for the merchant.
	SameDayUndo bool `json:"same_day_undo,omitempty"`
	// RefundWindowDays is how long after the payment a refund is possible;
	// absent: 330.
	RefundWindowDays *int `json:"refund_window_days,omitempty"`
}

// ParseConfig reads credentials strictly: unknown fields, names in another
// case and duplicate names are faults, and all faults are reported together.
func ParseConfig(raw []byte) (Config, error) {
	names, err := memberNames(raw)
	if err != nil {
		return Config{}, errors.New("unionpay credentials are not one JSON object with each name once")
	}
	var faults []error
	for _, name := range names {
		if !slices.Contains(configFields(), name) {
			faults = append(faults, fmt.Errorf("unionpay credentials: field %q is not known", texts.Clip(name, 64)))
		}
	}
	var cfg Config
	if err := json.Unmarshal(raw, &cfg); err != nil {
		var kind *json.UnmarshalTypeError
		if !errors.As(err, &kind) {
			return Config{}, errors.New("unionpay credentials are not valid JSON")
		}
		// Value may quote a number, which may be a secret: only its kind is told.
		held, _, _ := strings.Cut(kind.Value, " ")
		faults = append(faults, fmt.Errorf("unionpay credentials: field %q holds a %s", kind.Field, held))
		return Config{}, errors.Join(faults...)
	}
	faults = append(faults, cfg.faults()...)
	if len(faults) > 0 {
		return Config{}, errors.Join(faults...)
	}
	return cfg, nil
}

// FromSandbox reads the credentials that the sandbox hands out. Its files are
// at the gateway's own address.
func FromSandbox(raw []byte) (Config, error) {
	cfg, err := ParseConfig(raw)
	if err == nil && cfg.FileURL == "" {
		cfg.FileURL = cfg.BaseURL
	}
	return cfg, err
}

func configFields() []string {
	return []string{
		"base_url", "file_url", "mer_id", "pfx_base64", "pfx_password", "merchant_private_key", "merchant_cert",
		"root_cert", "middle_cert", "sign_cert", "term_id", "allow_test_cn", "same_day_undo", "refund_window_days",
	}
}

// memberNames are the names of one JSON object, each there once.
func memberNames(raw []byte) ([]string, error) {
	bad := errors.New("not one JSON object with each name once")
	dec := json.NewDecoder(bytes.NewReader(raw))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, bad
	}
	var names []string
	for dec.More() {
		tok, err := dec.Token()
		name, isName := tok.(string)
		if err != nil || !isName || slices.Contains(names, name) || len(names) == maxFields {
			return nil, bad
		}
		names = append(names, name)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, bad
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, bad
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, bad
	}
	return names, nil
}

// faults lists what is wrong with the values by themselves. Keys and
// certificates are read by New.
func (c Config) faults() []error {
	var faults []error
	add := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("unionpay credentials: "+format, args...))
	}
	if err := checkAddress(c.BaseURL); err != nil {
		add("base_url %w", err)
	}
	if c.FileURL != "" {
		if err := checkAddress(c.FileURL); err != nil {
			add("file_url %w", err)
		}
	}
	if !texts.Is(c.MerID, 15, 15, texts.IsAlnum) {
		add("mer_id must be 15 letters and digits")
	}
	pfx, pem := c.PFXBase64 != "" || c.PFXPassword != "", c.MerchantPrivateKey != "" || c.MerchantCert != ""
	switch {
	case pfx && pem:
		add("give either pfx_base64 or merchant_private_key with merchant_cert, not both")
	case !pfx && !pem:
		add("pfx_base64 with pfx_password, or merchant_private_key with merchant_cert, is missing")
	case pem && c.MerchantCert == "":
		add("merchant_cert is missing: requests name it")
	case pfx && c.PFXBase64 == "":
		add("pfx_base64 is missing")
	case pfx:
		if _, err := base64.StdEncoding.DecodeString(c.PFXBase64); err != nil {
			add("pfx_base64 is not base64")
		}
	}
	if c.RootCert == "" {
		add("root_cert is missing")
	}
	if c.MiddleCert == "" {
		add("middle_cert is missing")
	}
	if c.TermID != "" && !texts.Is(c.TermID, 1, 8, texts.IsAlnum) {
		add("term_id must be 1 to 8 letters and digits")
	}
	if v := c.RefundWindowDays; v != nil && (*v < 1 || *v > 3650) {
		add("refund_window_days must be 1 to 3650")
	}
	return faults
}

// checkAddress demands https, because forms and the payer's card go there; a
// loopback address may be plain http.
func checkAddress(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return errors.New("must be an absolute https address")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return errors.New("must have no user, query or fragment")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errors.New("must be https unless the address is loopback")
	}
	return nil
}

// Identity is the account's identity at UnionPay, unique in an installation.
func (c Config) Identity() string { return c.MerID }

func (c Config) refundWindow() time.Duration {
	days := 330
	if c.RefundWindowDays != nil {
		days = *c.RefundWindowDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// String names the account only, so that printing a Config shows no secret.
func (c Config) String() string { return "unionpay account " + c.Identity() }

// GoString is String.
func (c Config) GoString() string { return c.String() }

// LogValue is String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
