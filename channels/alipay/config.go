package alipay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/channels/credentials"
	"github.com/paymux/paymux/channels/texts"
)

// Config is one account's credentials. Keys and certificates are PEM text; the
// bare base64 that Alipay's key tool writes is accepted too. Either
// alipay_public_key(s) (public-key mode) or app_cert, alipay_cert and
// alipay_root_cert (certificate mode) are given, never both.
type Config struct {
	// GatewayURL is the whole address, for instance
	// https://openapi.alipay.com/gateway.do.
	GatewayURL string `json:"gateway_url"`
	AppID      string `json:"app_id"`
	// SellerID is the partner id (2088…) that is paid.
	SellerID string `json:"seller_id"`
	// AppPrivateKey signs requests; it may be absent when Deps.Signer is given.
	AppPrivateKey string `json:"app_private_key,omitempty"`

	AlipayPublicKey string `json:"alipay_public_key,omitempty"`
	// AlipayPublicKeys are further keys, for a change of keys.
	AlipayPublicKeys []string `json:"alipay_public_keys,omitempty"`

	AppCert        string `json:"app_cert,omitempty"`
	AlipayCert     string `json:"alipay_cert,omitempty"`
	AlipayRootCert string `json:"alipay_root_cert,omitempty"`
	// AlipayCerts are further certificates, for a change of certificates.
	AlipayCerts []string `json:"alipay_certs,omitempty"`

	// EncryptKey is the base64 of the AES key; empty turns encryption off.
	EncryptKey string `json:"encrypt_key,omitempty"`
	// AppAuthToken is the merchant's authorisation of a service provider.
	AppAuthToken string `json:"app_auth_token,omitempty"`

	// RefundSpacing is the least number of seconds between two refunds of one
	// order; absent: 3, which Alipay asks for.
	RefundSpacing *int `json:"refund_spacing,omitempty"`
	// RefundWindowDays is how long after the payment a refund is possible, by
	// the contract with Alipay; absent: 365.
	RefundWindowDays *int `json:"refund_window_days,omitempty"`

	// BillHosts are the hosts that bills may be downloaded from beside the
	// gateway's own, with their ports where those are not the usual ones;
	// absent: dwbillcenter.alipay.com, unless the gateway's address is plain
	// http.
	BillHosts []string `json:"bill_hosts,omitempty"`
	// BillMaxBytes is the largest archive of a bill and BillMaxUnpackedBytes
	// the most that one of its files may unpack to; absent: 2 GiB and 64 GiB.
	BillMaxBytes         int64 `json:"bill_max_bytes,omitempty"`
	BillMaxUnpackedBytes int64 `json:"bill_max_unpacked_bytes,omitempty"`
}

// ParseConfig reads credentials strictly: unknown fields, names in another
// case and duplicate names are faults, and all faults are reported together.
func ParseConfig(raw []byte) (Config, error) {
	return credentials.Read(Name, raw, Config.faults)
}

// faults lists what is wrong with the values by themselves. Keys and
// certificates are read by New.
func (c Config) faults() []error {
	var faults []error
	add := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("alipay credentials: "+format, args...))
	}
	if err := credentials.CheckAddress(c.GatewayURL); err != nil {
		add("gateway_url %w", err)
	}
	if !texts.Is(c.AppID, 1, 32, texts.IsAlnum) {
		add("app_id must be 1 to 32 letters and digits")
	}
	if !texts.Is(c.SellerID, 1, 32, texts.IsAlnum) {
		add("seller_id must be 1 to 32 letters and digits")
	}
	keyMode := c.AlipayPublicKey != "" || len(c.AlipayPublicKeys) > 0
	certMode := c.AppCert != "" || c.AlipayCert != "" || c.AlipayRootCert != "" || len(c.AlipayCerts) > 0
	switch {
	case keyMode && certMode:
		add("give either alipay_public_key or the three certificates, not both")
	case !keyMode && !certMode:
		add("alipay_public_key, or app_cert with alipay_cert and alipay_root_cert, is missing")
	case certMode:
		for _, f := range []struct{ name, value string }{
			{"app_cert", c.AppCert}, {"alipay_cert", c.AlipayCert}, {"alipay_root_cert", c.AlipayRootCert},
		} {
			if f.value == "" {
				add("%s is missing: certificate mode needs all three", f.name)
			}
		}
	}
	if c.EncryptKey != "" {
		if key, err := base64.StdEncoding.DecodeString(c.EncryptKey); err != nil || len(key) != 16 {
			add("encrypt_key must be the base64 of 16 bytes")
		}
	}
	if !texts.Is(c.AppAuthToken, 0, 64, texts.IsAlnum) {
		add("app_auth_token must be at most 64 letters and digits")
	}
	if v := c.RefundSpacing; v != nil && (*v < 0 || *v > 3600) {
		add("refund_spacing must be 0 to 3600 seconds")
	}
	if v := c.RefundWindowDays; v != nil && (*v < 1 || *v > 3650) {
		add("refund_window_days must be 1 to 3650")
	}
	if err := billfile.CheckHosts(c.BillHosts); err != nil {
		add("%w", err)
	}
	if err := billfile.CheckLimits(c.BillMaxBytes, c.BillMaxUnpackedBytes); err != nil {
		add("%w", err)
	}
	return faults
}

// billHosts are the hosts beside the gateway's own.
func (c Config) billHosts() []string {
	if c.BillHosts != nil || strings.HasPrefix(c.GatewayURL, "http:") {
		return c.BillHosts
	}
	return []string{billDownloadHost}
}

// Identity is the account's identity at Alipay, unique in an installation.
func (c Config) Identity() string { return c.AppID + "/" + c.SellerID }

// String names the account only, so that printing a Config shows no secret.
func (c Config) String() string { return "alipay account " + c.Identity() }

// GoString is String.
func (c Config) GoString() string { return c.String() }

// LogValue is String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Mode says how the two sides know each other's keys.
type Mode int

// The modes.
const (
	// PublicKeyMode: Alipay's public key is configured.
	PublicKeyMode Mode = iota
	// CertificateMode: certificates under Alipay's roots are configured.
	CertificateMode
)

// FromSandbox turns the credentials that the sandbox hands out into an
// account's: its base_url is the gateway's address, both modes are offered,
// and refunds need no spacing.
func FromSandbox(raw []byte, mode Mode) (Config, error) {
	var s struct {
		Config
		BaseURL string `json:"base_url"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return Config{}, errors.New("alipay credentials of the sandbox cannot be read")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("alipay credentials of the sandbox are followed by something else")
	}
	cfg := s.Config
	cfg.GatewayURL = s.BaseURL
	none := 0
	cfg.RefundSpacing = &none
	if mode == CertificateMode {
		cfg.AlipayPublicKey = ""
	} else {
		cfg.AppCert, cfg.AlipayCert, cfg.AlipayRootCert = "", "", ""
	}
	return cfg, errors.Join(cfg.faults()...)
}
