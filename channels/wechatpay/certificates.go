package wechatpay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/paymux/paymux/channels/transport"
)

const certificatesPath = "/v3/certificates"

// maxCertificates bounds an answer; WeChat Pay has two at a time.
const maxCertificates = 32

var errNoKeys = errors.New("no key of WeChat Pay's is known, so no answer could be verified")

// haveKeys fetches the platform certificates before a call while no usable key
// is known; without one nothing may be sent. Where an answer was signed by a
// certificate that is not known, as after a rotation that was missed, it tries
// to, and the call goes on in any case. It is never called for a notification:
// whoever forges serials must not buy our calls with it.
func (c *Client) haveKeys(ctx context.Context) error {
	if c.usable() && !c.refreshDue() {
		return nil
	}
	done, err := c.oneRefresh(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoKeys, err)
	}
	defer done()
	if !c.usable() {
		if err := c.refresh(ctx); err != nil {
			return fmt.Errorf("%w: %w", errNoKeys, err)
		}
		return nil
	}
	if !c.refreshDue() {
		return nil // another call saw to it meanwhile
	}
	ctx, cancel := context.WithTimeout(ctx, missedRefreshLimit)
	defer cancel()
	if err := c.refresh(ctx); err != nil {
		c.logger.WarnContext(ctx, "an unknown platform certificate signed an answer to a wechatpay account and the list of them could not be fetched",
			"account", c.cfg.Identity(), "error", err)
	}
	return nil
}

const (
	// missedRefreshEvery is the least number of seconds between two tries to
	// fetch certificates for an answer's sake, missedRefreshLimit how long one
	// may hold a call up.
	missedRefreshEvery = 60
	missedRefreshLimit = 3 * time.Second
)

func (c *Client) usable() bool {
	return c.ring.Load().preferred(c.cfg.PublicKeyID, c.now()) != ""
}

func (c *Client) refreshDue() bool {
	return c.missed.Load() && c.now().Unix()-c.refreshedAt.Load() >= missedRefreshEvery
}

// oneRefresh waits until no other refresh is under way.
func (c *Client) oneRefresh(ctx context.Context) (done func(), err error) {
	select {
	case c.refreshing <- struct{}{}:
		return func() { <-c.refreshing }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("refresh wechatpay keys: %w", ctx.Err())
	}
}

// RefreshKeys fetches the platform certificates and puts them in the place of
// those that were fetched before; configured keys stay. It is to be called at
// least every 12 hours. An account that knows WeChat Pay by public keys alone
// has nothing to fetch. On any failure the known keys stay as they are.
//
// The list is trusted through the merchant's APIv3 key, under which each
// certificate is sealed, and through its signature: by a known key, or, where
// it is signed by one of its own certificates (at the first time, or after a
// rotation that was missed), by that one.
func (c *Client) RefreshKeys(ctx context.Context) error {
	if !c.cfg.ownsCertificates() {
		return nil
	}
	done, err := c.oneRefresh(ctx)
	if err != nil {
		return err
	}
	defer done()
	return c.refresh(ctx)
}

func (c *Client) refresh(ctx context.Context) error {
	c.refreshedAt.Store(c.now().Unix())
	// Under a known key where there is one: WeChat Pay may have others.
	known := c.ring.Load().preferred(c.cfg.PublicKeyID, c.now())
	got, err := c.send(ctx, http.MethodGet, c.prefix+certificatesPath, nil, known)
	if err != nil {
		return fmt.Errorf("refresh wechatpay keys: %w", err)
	}
	fetched, err := c.readCertificates(got)
	if err != nil {
		return fmt.Errorf("refresh wechatpay keys: %w", err)
	}
	next := maps.Clone(fetched)
	maps.Copy(next, c.configured)
	before := c.ring.Swap(&next)
	c.missed.Store(false)
	for id, k := range fetched {
		if _, known := (*before)[id]; !known {
			c.logger.Info("a platform certificate of a wechatpay account came into use",
				"account", c.cfg.Identity(), "serial", id, "not_before", k.notBefore, "not_after", k.notAfter)
		}
	}
	return nil
}

// readCertificates verifies the list of certificates and gives those that have
// not ended.
func (c *Client) readCertificates(got transport.Answer) (keyRing, error) {
	if got.Status != http.StatusOK {
		code, _ := wordsOf(got.Body)
		return nil, fmt.Errorf("%w, code %q", statusError(got), code)
	}
	s, err := readSignature(got.Header)
	if err != nil {
		return nil, err
	}
	known := *c.ring.Load()
	if _, ok := known[s.keyID]; ok {
		if _, err := c.verify(known, got.Header, got.Body); err != nil {
			return nil, err
		}
	}
	fetched, err := openCertificates(c.cfg.APIV3Key, got.Body)
	if err != nil {
		return nil, err
	}
	if _, ok := known[s.keyID]; !ok {
		if _, err := c.verify(fetched, got.Header, got.Body); err != nil {
			return nil, err
		}
	}
	now := c.now()
	maps.DeleteFunc(fetched, func(_ string, k ringKey) bool { return now.After(k.notAfter) })
	if len(fetched) == 0 {
		return nil, errors.New("the list holds no valid certificate")
	}
	return fetched, nil
}

// openCertificates decrypts the list. Entries of another algorithm (SM2) are
// passed over; one that cannot be opened spoils the list.
func openCertificates(apiV3Key string, body []byte) (keyRing, error) {
	list, err := readObject(body)
	if err != nil {
		return nil, fmt.Errorf("read list of certificates: %w", err)
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(list["data"], &entries); err != nil || len(entries) > maxCertificates {
		return nil, errors.New("read list of certificates: data is no list of certificates")
	}
	ring := keyRing{}
	for _, raw := range entries {
		entry, err := readObject(raw)
		if err != nil {
			return nil, fmt.Errorf("read list of certificates: %w", err)
		}
		sealed := entry.within("encrypt_certificate")
		if algorithm := sealed.text("algorithm"); algorithm != "" && algorithm != algorithmGCM {
			continue
		}
		text, err := openResource(apiV3Key, sealed)
		if err != nil {
			return nil, err
		}
		id, key, err := parseCertificate(string(text))
		if err != nil {
			return nil, fmt.Errorf("a platform certificate %w", err)
		}
		if !strings.EqualFold(id, entry.text("serial_no")) {
			return nil, errors.New("a platform certificate is not the one that the list names")
		}
		key.fetched = true
		ring[id] = key
	}
	return ring, nil
}
