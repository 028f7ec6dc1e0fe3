package wechatpay

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/channels/credentials"
	"github.com/paymux/paymux/channels/texts"
	"github.com/paymux/paymux/channels/transport"
)

// Name is the channel's name in the public API.
const Name = "wechatpay"

// Deps is what an account's client works with.
type Deps struct {
	// HTTP carries the calls; nil: one with the default limits.
	HTTP *transport.Client
	// Now is the clock; required.
	Now func() time.Time
	// Logger hears of certificates that are ending or were changed; nil: nobody
	// does.
	Logger *slog.Logger
	// Signer signs instead of merchant_private_key, for a key that stays in
	// hardware or at a service. It must be RSA.
	Signer crypto.Signer
}

// Client is one account at WeChat Pay. It is safe for concurrent use.
type Client struct {
	cfg    Config
	http   *transport.Client
	now    func() time.Time
	logger *slog.Logger
	key    crypto.Signer
	// nonce makes the random text of a signature.
	nonce func() (string, error)
	// origin is scheme and host; prefix the path before /v3, often empty.
	origin, prefix string

	// configured are the keys of the credentials; ring has those that were
	// fetched as well.
	configured keyRing
	ring       atomic.Pointer[keyRing]
	// refreshing holds one token: at most one refresh is under way.
	refreshing chan struct{}
	// missed: an answer was signed by a certificate that is not known;
	// refreshedAt is when a refresh was last tried, in Unix seconds.
	missed      atomic.Bool
	refreshedAt atomic.Int64
	answers     recent
	// links are where bills may be downloaded from.
	links billfile.Links
}

var (
	_ channels.Channel  = (*Client)(nil)
	_ channels.Reverser = (*Client)(nil)
	// An account whose keys can be refreshed.
	_ interface{ RefreshKeys(context.Context) error } = (*Client)(nil)
)

// New makes the account's client. It makes no network call. All faults of the
// credentials are reported together, none of them quoting a secret.
func New(cfg Config, deps Deps) (*Client, error) {
	if deps.Now == nil {
		return nil, errors.New("wechatpay client needs a clock")
	}
	c := &Client{
		cfg: cfg, http: deps.HTTP, now: deps.Now, logger: deps.Logger, nonce: utils.GenerateNonce,
		configured: keyRing{}, refreshing: make(chan struct{}, 1),
	}
	faults := cfg.faults()
	var err error
	if c.key, err = credentials.Signer(Name, "merchant_private_key", cfg.MerchantPrivateKey, deps.Signer); err != nil {
		faults = append(faults, err)
	}
	faults = append(faults, c.loadKeys()...)
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	if c.http == nil {
		c.http = transport.New(transport.Limits{}, nil)
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, errors.New("wechatpay credentials: base_url cannot be used")
	}
	if c.links, err = billfile.NewLinks(cfg.BaseURL, cfg.billHosts()); err != nil {
		return nil, errors.New("wechatpay credentials: base_url cannot be used")
	}
	c.origin, c.prefix = base.Scheme+"://"+base.Host, strings.TrimRight(base.EscapedPath(), "/")
	c.ring.Store(&c.configured)
	c.warnOfExpiries()
	return c, nil
}

// loadKeys fills the ring with the keys of the credentials.
func (c *Client) loadKeys() []error {
	var faults []error
	add := func(field, id string, key ringKey, err error) {
		if err == nil && c.configured[id].key != nil && !c.configured[id].key.Equal(key.key) {
			err = errors.New("has the id of another key")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("wechatpay credentials: %s %w", field, err))
			return
		}
		c.configured[id] = key
	}
	if c.cfg.PublicKey != "" {
		key, err := parsePublicKey(c.cfg.PublicKey)
		add("public_key", c.cfg.PublicKeyID, ringKey{key: key}, err)
	}
	for id, text := range c.cfg.PublicKeys {
		key, err := parsePublicKey(text)
		add("public_keys["+texts.Clip(id, maxCode)+"]", id, ringKey{key: key}, err)
	}
	if c.cfg.PlatformCert != "" {
		id, key, err := parseCertificate(c.cfg.PlatformCert)
		add("platform_cert", id, key, err)
	}
	for i, text := range c.cfg.PlatformCerts {
		id, key, err := parseCertificate(text)
		add(fmt.Sprintf("platform_certs[%d]", i), id, key, err)
	}
	return faults
}

// Expiries lists when the known platform certificates end, the earliest first.
func (c *Client) Expiries() []channels.CertificateExpiry {
	var out []channels.CertificateExpiry
	for id, k := range *c.ring.Load() {
		if k.isCertificate() {
			out = append(out, channels.CertificateExpiry{Field: "platform_cert", Serial: id, NotAfter: k.notAfter, Fetched: k.fetched})
		}
	}
	slices.SortFunc(out, func(a, b channels.CertificateExpiry) int {
		return cmp.Or(a.NotAfter.Compare(b.NotAfter), strings.Compare(a.Serial, b.Serial))
	})
	return out
}

func (c *Client) warnOfExpiries() {
	for _, e := range c.Expiries() {
		if !e.Fetched && e.EndsSoon(c.now()) {
			c.logger.Warn("a platform certificate of a wechatpay account ends soon or has ended: refresh the keys, or add the new one beside the old",
				"account", c.cfg.Identity(), "serial", e.Serial, "not_after", e.NotAfter)
		}
	}
}

// Name is "wechatpay".
func (c *Client) Name() string { return Name }
