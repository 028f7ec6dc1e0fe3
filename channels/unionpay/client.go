package unionpay

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/transport"
)

// Name is the channel's name in the public API.
const Name = "unionpay"

// Deps is what an account's client works with.
type Deps struct {
	// HTTP carries the calls; nil: one with the default limits.
	HTTP *transport.Client
	// Now is the clock; required.
	Now func() time.Time
	// Logger hears of certificates that are ending; nil: nobody does.
	Logger *slog.Logger
	// Signer signs requests instead of the configured key, for a key that
	// stays in hardware or at a service. It must be RSA and the certificate's.
	Signer crypto.Signer
}

// Client is one account at UnionPay. It is safe for concurrent use.
type Client struct {
	cfg    Config
	http   *transport.Client
	now    func() time.Time
	signer crypto.Signer
	// certID is the serial number of the merchant's certificate, in decimal.
	certID   string
	base     string // of the gateway's paths
	files    string // where files are downloaded
	trust    trust
	expiries []channels.CertificateExpiry
}

var _ channels.Channel = (*Client)(nil)

// New makes the account's client. It makes no network call. All faults of the
// credentials are reported together, none of them quoting a secret.
//
// An ended certificate of the merchant is warned of and used: whether it is
// still good is for UnionPay to say. One of UnionPay's that ended signs nothing
// that is believed.
func New(cfg Config, deps Deps) (*Client, error) {
	if deps.Now == nil {
		return nil, errors.New("unionpay client needs a clock")
	}
	c := &Client{cfg: cfg, http: deps.HTTP, now: deps.Now, base: strings.TrimSuffix(cfg.BaseURL, "/")}
	c.files = strings.TrimSuffix(cfg.fileURL(), "/") + "/"
	faults := cfg.faults()
	if len(faults) == 0 {
		signer, cert, err := cfg.merchantKey(deps.Signer)
		if err != nil {
			faults = append(faults, err)
		} else {
			c.signer, c.certID = signer, cert.SerialNumber.String()
			c.noteExpiry("the merchant's certificate", cert)
		}
		faults = append(faults, c.loadTrust()...)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if c.http == nil {
		c.http = transport.New(transport.Limits{}, nil)
	}
	c.warnOfExpiries(deps.Logger)
	return c, nil
}

// loadTrust reads the authority's certificates. Each middle one must come from
// one of the roots and be an authority itself, or answers could never be verified.
func (c *Client) loadTrust() []error {
	var faults []error
	read := func(name, text string) []*x509.Certificate {
		certs, err := allCertificates(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("unionpay credentials: %s %w", name, err))
		}
		for _, cert := range certs {
			c.noteExpiry(name, cert)
		}
		return certs
	}
	c.trust.allowTestCN = c.cfg.AllowTestCN
	c.trust.roots = read("root_cert", c.cfg.RootCert)
	c.trust.middles = read("middle_cert", c.cfg.MiddleCert)
	if len(faults) > 0 {
		return faults
	}
	for _, middle := range c.trust.middles {
		if !isAuthority(middle) || !slices.ContainsFunc(c.trust.roots, func(root *x509.Certificate) bool { return signedBy(middle, root) }) {
			faults = append(faults, errors.New("unionpay credentials: middle_cert is not an authority's certificate from root_cert"))
		}
	}
	if c.cfg.SignCert != "" && len(faults) == 0 {
		if ch, err := c.trust.chainOf(c.cfg.SignCert); err != nil {
			faults = append(faults, fmt.Errorf("unionpay credentials: sign_cert cannot be used: %w", err))
		} else {
			c.noteExpiry("sign_cert", ch[0])
		}
	}
	return faults
}

func (c *Client) noteExpiry(name string, cert *x509.Certificate) {
	c.expiries = append(c.expiries, channels.CertificateExpiry{Field: name, Serial: cert.SerialNumber.String(), NotAfter: cert.NotAfter})
}

func (c *Client) warnOfExpiries(logger *slog.Logger) {
	if logger == nil {
		return
	}
	for _, e := range c.expiries {
		if e.EndsSoon(c.now()) {
			logger.Warn("a certificate of a unionpay account ends soon or has ended: get the new one from UnionPay and configure it",
				"account", c.cfg.Identity(), "field", e.Field, "serial", e.Serial, "not_after", e.NotAfter)
		}
	}
}

// Expiries lists when the configured certificates end.
func (c *Client) Expiries() []channels.CertificateExpiry { return slices.Clone(c.expiries) }

// Name is "unionpay".
func (c *Client) Name() string { return Name }
