package unionpay

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"

	"github.com/paymux/paymux/channels/credentials"
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
	// FileURL is where settlement files are downloaded; absent:
	// https://filedownload.95516.com or https://filedownload.test.95516.com for
	// the gateway of either, else base_url.
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

	// BillMaxBytes is the largest message with a day's files; absent: 64 MiB,
	// which is about 800,000 transactions. While it is verified it takes some four
	// times as much memory.
	BillMaxBytes int64 `json:"bill_max_bytes,omitempty"`
	// BillMaxUnpackedBytes is the most that one of the files may unpack to;
	// absent: 4 GiB, the most that the archive can say.
	BillMaxUnpackedBytes int64 `json:"bill_max_unpacked_bytes,omitempty"`
}

// ParseConfig reads credentials strictly: unknown fields, names in another
// case and duplicate names are faults, and all faults are reported together.
func ParseConfig(raw []byte) (Config, error) {
	return credentials.Read(Name, raw, Config.faults)
}

// FromSandbox reads the credentials that the sandbox hands out.
func FromSandbox(raw []byte) (Config, error) { return ParseConfig(raw) }

// fileURL is where settlement files are downloaded. UnionPay's own gateways,
// production and test, have hosts of their own for that; any other is taken to
// hand them out itself.
func (c Config) fileURL() string {
	if c.FileURL != "" {
		return c.FileURL
	}
	for _, host := range []string{"95516.com", "test.95516.com"} {
		if rest, ok := strings.CutPrefix(c.BaseURL, "https://gateway."+host); ok && (rest == "" || rest[0] == '/' || rest[0] == ':') {
			return "https://filedownload." + host
		}
	}
	return c.BaseURL
}

// faults lists what is wrong with the values by themselves. Keys and
// certificates are read by New.
func (c Config) faults() []error {
	var faults []error
	add := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("unionpay credentials: "+format, args...))
	}
	if err := credentials.CheckAddress(c.BaseURL); err != nil {
		add("base_url %w", err)
	}
	if c.FileURL != "" {
		if err := credentials.CheckAddress(c.FileURL); err != nil {
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
	if c.BillMaxBytes < 0 || c.BillMaxBytes > maxFileAnswerEver || c.BillMaxUnpackedBytes < 0 {
		add("bill_max_bytes must be 1 to %d, bill_max_unpacked_bytes 1 or more", int64(maxFileAnswerEver))
	}
	if v := c.RefundWindowDays; v != nil && (*v < 1 || *v > 3650) {
		add("refund_window_days must be 1 to 3650")
	}
	return faults
}

// Identity is the account's identity at UnionPay, unique in an installation.
func (c Config) Identity() string { return c.MerID }

// String names the account only, so that printing a Config shows no secret.
func (c Config) String() string { return "unionpay account " + c.Identity() }

// GoString is String.
func (c Config) GoString() string { return c.String() }

// LogValue is String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
