package wechatpay

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/channels/credentials"
	"github.com/paymux/paymux/channels/texts"
)

// Config is one account's credentials. Keys and certificates are PEM text; for
// keys their bare base64 is accepted too.
//
// WeChat Pay's side is known by its public key (public_key_id with public_key),
// by platform certificates, or, while a merchant migrates, by both. With
// neither, or with certificates, RefreshKeys fetches the certificates.
type Config struct {
	// BaseURL is the host, for instance https://api.mch.weixin.qq.com; a path
	// before /v3 is kept and signed.
	BaseURL string `json:"base_url"`
	// MchID and AppID are the merchant's own, or with SubMchID the service
	// provider's (sp_mchid, sp_appid).
	MchID string `json:"mchid"`
	AppID string `json:"appid"`
	// SubMchID is the merchant that a service provider acts for, SubAppID its
	// own app, which payers' ids and front-end parameters then belong to.
	SubMchID string `json:"sub_mchid,omitempty"`
	SubAppID string `json:"sub_appid,omitempty"`
	// Serial is that of the merchant's certificate.
	Serial string `json:"serial"`
	// MerchantPrivateKey signs requests and front-end parameters; it may be
	// absent when Deps.Signer is given.
	MerchantPrivateKey string `json:"merchant_private_key,omitempty"`
	// APIV3Key is 32 bytes of text.
	APIV3Key string `json:"api_v3_key"`

	PublicKeyID string `json:"public_key_id,omitempty"`
	PublicKey   string `json:"public_key,omitempty"`
	// PublicKeys are further public keys by their ids, for a change of keys.
	PublicKeys map[string]string `json:"public_keys,omitempty"`

	PlatformCert string `json:"platform_cert,omitempty"`
	// PlatformCerts are further certificates, for a change of certificates.
	PlatformCerts []string `json:"platform_certs,omitempty"`

	// StoreID is the store that orders by payment code name; absent: "0001".
	StoreID string `json:"store_id,omitempty"`
	// RefundSpacing is the least number of seconds between two refunds of one
	// order; absent: 60, which WeChat Pay asks for.
	RefundSpacing *int `json:"refund_spacing,omitempty"`
	// RefundNotFoundAfter is how many seconds after a refund "no such refund"
	// may still be wrong; absent: 60, after which WeChat Pay has one asked for.
	RefundNotFoundAfter *int `json:"refund_not_found_after,omitempty"`

	// BillHosts are the hosts that bills may be downloaded from beside that of
	// base_url, with their ports where those are not the usual ones; absent:
	// api.mch.weixin.qq.com and api2.mch.weixin.qq.com, unless base_url is plain
	// http.
	BillHosts []string `json:"bill_hosts,omitempty"`
	// BillMaxBytes is the largest bill, packed as it comes, and
	// BillMaxUnpackedBytes the most that it may unpack to; absent: 2 GiB and
	// 64 GiB.
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
		faults = append(faults, fmt.Errorf("wechatpay credentials: "+format, args...))
	}
	if err := credentials.CheckAddress(c.BaseURL); err != nil {
		add("base_url %w", err)
	}
	for _, f := range []struct {
		name, value string
		least, most int
	}{
		{"mchid", c.MchID, 1, 32},
		{"appid", c.AppID, 1, 32},
		{"sub_mchid", c.SubMchID, 0, 32},
		{"sub_appid", c.SubAppID, 0, 32},
		{"serial", c.Serial, 1, 64},
		{"store_id", c.StoreID, 0, 32},
	} {
		if !texts.Is(f.value, f.least, f.most, texts.IsAlnum) {
			add("%s must be %d to %d letters and digits", f.name, f.least, f.most)
		}
	}
	if c.SubAppID != "" && c.SubMchID == "" {
		add("sub_appid needs sub_mchid")
	}
	if len(c.APIV3Key) != keyBytes256 {
		add("api_v3_key must be exactly %d bytes", keyBytes256)
	}
	if (c.PublicKey == "") != (c.PublicKeyID == "") {
		add("public_key and public_key_id go together")
	}
	if !texts.Is(c.PublicKeyID, 0, 64, isKeyID) {
		add("public_key_id must be at most 64 letters, digits and underscores")
	}
	for id := range c.PublicKeys {
		if !texts.Is(id, 1, 64, isKeyID) {
			add("public_keys: an id must be 1 to 64 letters, digits and underscores")
		}
	}
	if v := c.RefundSpacing; v != nil && (*v < 0 || *v > 3600) {
		add("refund_spacing must be 0 to 3600 seconds")
	}
	if v := c.RefundNotFoundAfter; v != nil && (*v < 0 || *v > 3600) {
		add("refund_not_found_after must be 0 to 3600 seconds")
	}
	if err := billfile.CheckHosts(c.BillHosts); err != nil {
		add("%w", err)
	}
	if err := billfile.CheckLimits(c.BillMaxBytes, c.BillMaxUnpackedBytes); err != nil {
		add("%w", err)
	}
	return faults
}

// billHosts are the hosts beside that of base_url.
func (c Config) billHosts() []string {
	if c.BillHosts != nil || strings.HasPrefix(c.BaseURL, "http:") {
		return c.BillHosts
	}
	return []string{"api.mch.weixin.qq.com", "api2.mch.weixin.qq.com"}
}

// Identity is the account's identity at WeChat Pay, unique in an installation:
// the merchant's number, behind the service provider's where there is one. An
// appid is no part of it: bills and refunds are the merchant's.
func (c Config) Identity() string {
	if c.isPartner() {
		return c.MchID + "/" + c.SubMchID
	}
	return c.MchID
}

func (c Config) isPartner() bool { return c.SubMchID != "" }

// ownsCertificates tells whether platform certificates are in use at this
// account, and so whether there is something to refresh.
func (c Config) ownsCertificates() bool {
	return c.PlatformCert != "" || len(c.PlatformCerts) > 0 || (c.PublicKey == "" && len(c.PublicKeys) == 0)
}

func (c Config) storeID() string {
	if c.StoreID == "" {
		return "0001"
	}
	return c.StoreID
}

// String names the account only, so that printing a Config shows no secret.
func (c Config) String() string { return "wechatpay account " + c.Identity() }

// GoString is String.
func (c Config) GoString() string { return c.String() }

// LogValue is String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
