package signing

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// PlatformKeysTarget is where the platform publishes its keys, without
// authentication.
const PlatformKeysTarget = "/v1/platform-keys"

// maxPlatformKeys bounds the list that a client reads.
const maxPlatformKeys = 64

// PublishedKey is one live platform key as the API shows it.
type PublishedKey struct {
	Serial    string    `json:"serial"`
	Algorithm Algorithm `json:"algorithm"`
	PublicKey string    `json:"public_key"` // PKIX PEM
}

// PublishedKeys is the document of [PlatformKeysTarget].
type PublishedKeys struct {
	Data []PublishedKey `json:"data"`
}

// Published is the ring as the API shows it, in the order of [KeyRing.All].
func (r *KeyRing) Published() (PublishedKeys, error) {
	document := PublishedKeys{Data: make([]PublishedKey, 0, len(r.keys))}
	for _, key := range r.keys {
		text, err := EncodePublicKeyPEM(key.Public())
		if err != nil {
			return PublishedKeys{}, fmt.Errorf("publish %s: %w", key, err)
		}
		document.Data = append(document.Data, PublishedKey{Serial: key.Serial, Algorithm: key.Algorithm, PublicKey: string(text)})
	}
	return document, nil
}

// ParsePlatformKeys reads a [PublishedKeys] document into public keys by
// serial. Each key must be fit for use and be what its serial and algorithm
// say.
func ParsePlatformKeys(document []byte) (map[string]crypto.PublicKey, error) {
	var list PublishedKeys
	if err := json.Unmarshal(document, &list); err != nil {
		return nil, fmt.Errorf("read platform keys: %w", err)
	}
	if len(list.Data) == 0 || len(list.Data) > maxPlatformKeys {
		return nil, fmt.Errorf("read platform keys: %d keys, 1 to %d are taken", len(list.Data), maxPlatformKeys)
	}
	keys := make(map[string]crypto.PublicKey, len(list.Data))
	for i, entry := range list.Data {
		pub, err := ParsePublicKeyPEM([]byte(entry.PublicKey))
		if err != nil {
			return nil, fmt.Errorf("read platform key %d: %w", i, err)
		}
		alg, err := AlgorithmOf(pub)
		if err != nil {
			return nil, fmt.Errorf("read platform key %d: %w", i, err)
		}
		if alg != entry.Algorithm || Serial(pub) != entry.Serial {
			return nil, fmt.Errorf("read platform key %d: %w: it is not what its serial and algorithm say", i, ErrKeyKind)
		}
		keys[entry.Serial] = pub
	}
	return keys, nil
}

// FetchPlatformKeys asks for the live platform keys. A client that holds one
// of them verifies the list with it, and so learns of the next keys. A client
// that holds none trusts the list of a loopback address only, where nobody
// stands in between; elsewhere give it a platform key by hand first. The
// client's own keys stay as they are.
func (c *Client) FetchPlatformKeys(ctx context.Context) (map[string]crypto.PublicKey, error) {
	if len(c.PlatformKeys) == 0 && !isLoopback(c.BaseURL) {
		return nil, errors.New("fetch platform keys: no platform key is held and the API is not on a loopback address; get the platform's public key from its operator")
	}
	nonce, err := c.newNonce()
	if err != nil {
		return nil, fmt.Errorf("fetch platform keys: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.BaseURL, "/")+PlatformKeysTarget, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch platform keys: %w", err)
	}
	req.Header.Set(HeaderNonce, nonce)
	answer, err := c.send(req)
	if err != nil {
		return nil, fmt.Errorf("fetch platform keys: %w", err)
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("fetch platform keys: status %d", answer.Status)
	}
	keys, err := ParsePlatformKeys(answer.Body)
	if err != nil {
		return nil, err
	}
	trusted := c.PlatformKeys
	if len(trusted) == 0 {
		trusted = keys
	}
	check := AnswerCheck{Keys: trusted, Nonce: nonce, Now: c.now()}
	if err := VerifyAnswer(check, answer.Status, answer.Header, answer.Body); err != nil {
		return nil, &UnverifiedError{Answer: answer, Err: err}
	}
	return keys, nil
}

// isLoopback looks at the written host only: a name other than localhost could
// resolve to anything.
func isLoopback(baseURL string) bool {
	address, err := url.Parse(baseURL)
	if err != nil {
		return false
	}
	host := address.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
