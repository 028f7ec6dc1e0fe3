package alipay

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	sdk "github.com/smartwalle/alipay/v3"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/billfile"
	"github.com/paymux/paymux/channels/credentials"
	"github.com/paymux/paymux/channels/transport"
)

// Name is the channel's name in the public API.
const Name = "alipay"

// Deps is what an account's client works with.
type Deps struct {
	// HTTP carries the calls; nil: one with the default limits.
	HTTP *transport.Client
	// Now is the clock; required.
	Now func() time.Time
	// Logger hears of certificates that are ending; nil: nobody does.
	Logger *slog.Logger
	// Signer signs requests instead of app_private_key, for a key that stays
	// in hardware or at a service. It must be RSA.
	Signer crypto.Signer
}

// Client is one account at Alipay. It is safe for concurrent use.
type Client struct {
	cfg  Config
	http *transport.Client
	now  func() time.Time
	// requests makes and signs requests and links; it cannot send.
	requests *sdk.Client
	// common are the public parameters that depend on the account alone.
	common     map[string]string
	ring       keyRing
	encryptKey []byte
	expiries   []channels.CertificateExpiry
	// links are where bills may be downloaded from.
	links billfile.Links
}

var (
	_ channels.Channel  = (*Client)(nil)
	_ channels.Reverser = (*Client)(nil)
)

// New makes the account's client. It makes no network call. All faults of the
// credentials are reported together, none of them quoting a secret.
func New(cfg Config, deps Deps) (*Client, error) {
	if deps.Now == nil {
		return nil, errors.New("alipay client needs a clock")
	}
	c := &Client{cfg: cfg, http: deps.HTTP, now: deps.Now, common: map[string]string{}}
	faults := cfg.faults()
	signer, err := credentials.Signer(Name, "app_private_key", cfg.AppPrivateKey, deps.Signer)
	if err != nil {
		faults = append(faults, err)
	}
	faults = append(faults, c.loadVerifiers(signer)...)
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if c.http == nil {
		c.http = transport.New(transport.Limits{}, nil)
	}
	if c.links, err = billfile.NewLinks(cfg.GatewayURL, cfg.billHosts()); err != nil {
		return nil, fmt.Errorf("alipay credentials: gateway_url: %w", err)
	}
	if cfg.AppAuthToken != "" {
		c.common["app_auth_token"] = cfg.AppAuthToken
	}
	c.requests, err = sdk.NewWithSigner(cfg.AppID, requestSigner{key: signer, now: deps.Now}, false,
		sdk.WithSandboxGateway(cfg.GatewayURL), sdk.WithHTTPClient(&http.Client{Transport: noSending{}}))
	if err != nil {
		return nil, fmt.Errorf("prepare alipay requests: %w", err)
	}
	if cfg.EncryptKey != "" {
		if err := c.requests.SetEncryptKey(cfg.EncryptKey); err != nil {
			return nil, errors.New("alipay credentials: encrypt_key cannot be used")
		}
		c.encryptKey, _ = base64.StdEncoding.DecodeString(cfg.EncryptKey) // checked by faults
	}
	c.warnOfExpiries(deps.Logger)
	return c, nil
}

// noSending keeps the library from the network: it would take an answer's
// word before looking at its status, and it fetches unknown certificates.
type noSending struct{}

func (noSending) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("the library must not send")
}

// loadVerifiers fills the key ring, and in certificate mode the serials that
// requests carry. signer may be nil when it is itself at fault.
func (c *Client) loadVerifiers(signer crypto.Signer) []error {
	if c.cfg.AppCert == "" && c.cfg.AlipayCert == "" {
		return c.loadPublicKeys()
	}
	return c.loadCertificates(signer)
}

func (c *Client) loadPublicKeys() []error {
	var faults []error
	keys := c.cfg.AlipayPublicKeys
	if c.cfg.AlipayPublicKey != "" {
		keys = append([]string{c.cfg.AlipayPublicKey}, keys...)
	}
	for i, text := range keys {
		key, err := parsePublicKey(text)
		if err == nil {
			_, err = credentials.PublicKey(key)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("alipay credentials: alipay public key %d %w", i+1, err))
			continue
		}
		c.ring.verifiers = append(c.ring.verifiers, verifier{key: key})
	}
	return faults
}

func (c *Client) loadCertificates(signer crypto.Signer) []error {
	var faults []error
	fault := func(field string, err error) {
		faults = append(faults, fmt.Errorf("alipay credentials: %s %w", field, err))
	}
	app, _, err := leafWithChain(c.cfg.AppCert)
	switch {
	case err != nil:
		fault("app_cert", err)
	case signer != nil && !app.PublicKey.(*rsa.PublicKey).Equal(signer.Public()):
		fault("app_cert", errors.New("belongs to another key than app_private_key"))
	default:
		c.common["app_cert_sn"] = certSN(app)
		c.noteExpiry("app_cert", app)
	}
	serial, roots, err := rootCertSN(c.cfg.AlipayRootCert)
	if err != nil {
		fault("alipay_root_cert", err)
		return faults
	}
	c.common["alipay_root_cert_sn"] = serial
	c.ring.bySerial = true
	for i, text := range append([]string{c.cfg.AlipayCert}, c.cfg.AlipayCerts...) {
		field := "alipay_cert"
		if i > 0 {
			field = fmt.Sprintf("alipay_certs[%d]", i-1)
		}
		leaf, chain, err := leafWithChain(text)
		if err == nil {
			err = verifyChain(leaf, chain, roots, c.now())
		}
		if err == nil {
			_, err = credentials.PublicKey(leaf.PublicKey)
		}
		if err != nil {
			fault(field, err)
			continue
		}
		c.ring.verifiers = append(c.ring.verifiers, verifier{serial: certSN(leaf), key: leaf.PublicKey.(*rsa.PublicKey)})
		c.noteExpiry(field, leaf)
	}
	return faults
}

func (c *Client) noteExpiry(field string, cert *x509.Certificate) {
	c.expiries = append(c.expiries, channels.CertificateExpiry{Field: field, Serial: certSN(cert), NotAfter: cert.NotAfter.UTC()})
}

func (c *Client) warnOfExpiries(logger *slog.Logger) {
	if logger == nil {
		return
	}
	for _, e := range c.expiries {
		if e.EndsSoon(c.now()) {
			logger.Warn("a certificate of an alipay account ends soon or has ended: get the new one and add it beside the old",
				"account", c.cfg.Identity(), "field", e.Field, "serial", e.Serial, "not_after", e.NotAfter)
		}
	}
}

// Expiries lists when the configured certificates end; empty in public-key
// mode.
func (c *Client) Expiries() []channels.CertificateExpiry { return slices.Clone(c.expiries) }

// Name is "alipay".
func (c *Client) Name() string { return Name }
