package signing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers of webhooks (Standard Webhooks 1.0.0).
const (
	HeaderWebhookID        = "Webhook-Id"
	HeaderWebhookTimestamp = "Webhook-Timestamp" // Unix seconds
	HeaderWebhookSignature = "Webhook-Signature" // "v1,<base64>", separated by blanks
)

const (
	webhookSecretPrefix = "whsec_"
	webhookVersion      = "v1,"

	newWebhookSecretBytes = 32
	minWebhookSecretBytes = 24 // Standard Webhooks 1.0.0, "Signature scheme"
	maxWebhookSecretBytes = 64

	// maxWebhookSignatures bounds the work for one hostile header.
	maxWebhookSignatures = 16
)

// Errors of webhooks; test them with [errors.Is].
var (
	ErrWebhookSecret    = errors.New("a webhook secret is whsec_ and 24 to 64 bytes in standard base64")
	ErrWebhookHeaders   = errors.New("the webhook's headers cannot be read")
	ErrWebhookTimestamp = errors.New("the webhook's timestamp is too far from this clock")
)

// NewWebhookSecret makes a secret: whsec_ and 32 random bytes in base64.
func NewWebhookSecret(random io.Reader) (string, error) {
	var secret [newWebhookSecretBytes]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return "", fmt.Errorf("make webhook secret: %w", err)
	}
	return webhookSecretPrefix + base64.StdEncoding.EncodeToString(secret[:]), nil
}

// ParseWebhookSecret reads the bytes of a secret. The error is
// [ErrWebhookSecret] and never shows the secret.
func ParseWebhookSecret(s string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(s, webhookSecretPrefix)
	if !ok || len(encoded) > base64.StdEncoding.EncodedLen(maxWebhookSecretBytes) || strings.ContainsAny(encoded, "\r\n") {
		return nil, ErrWebhookSecret
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(secret) < minWebhookSecretBytes || len(secret) > maxWebhookSecretBytes {
		return nil, ErrWebhookSecret
	}
	return secret, nil
}

// WebhookSignature is the value of [HeaderWebhookSignature]: one "v1,<base64>"
// for each secret, in their order, separated by blanks. Several secrets are
// live while one replaces another.
func WebhookSignature(secrets [][]byte, id string, timestamp time.Time, body []byte) string {
	unix := strconv.FormatInt(timestamp.Unix(), 10)
	var list strings.Builder
	for i, secret := range secrets {
		if i > 0 {
			list.WriteByte(' ')
		}
		list.WriteString(webhookVersion)
		list.WriteString(base64.StdEncoding.EncodeToString(webhookMAC(secret, id, unix, body)))
	}
	return list.String()
}

// SetWebhookHeaders writes the three headers of a delivery.
func SetWebhookHeaders(h http.Header, secrets [][]byte, id string, timestamp time.Time, body []byte) {
	h.Set(HeaderWebhookID, id)
	h.Set(HeaderWebhookTimestamp, strconv.FormatInt(timestamp.Unix(), 10))
	h.Set(HeaderWebhookSignature, WebhookSignature(secrets, id, timestamp, body))
}

// VerifyWebhook checks a webhook as a receiver does: one of its v1 signatures
// must come from one of the secrets, and its timestamp must be within the
// tolerance of now, either way, inclusive. The error is [ErrWebhookHeaders],
// [ErrWebhookTimestamp] or [ErrSignature].
func VerifyWebhook(secrets [][]byte, header http.Header, body []byte, now time.Time, tolerance time.Duration) error {
	ids, timestamps, lists := header.Values(HeaderWebhookID), header.Values(HeaderWebhookTimestamp), header.Values(HeaderWebhookSignature)
	if len(ids) != 1 || len(timestamps) != 1 || len(lists) != 1 || ids[0] == "" {
		return fmt.Errorf("%w: webhook-id, webhook-timestamp and webhook-signature must each stand once", ErrWebhookHeaders)
	}
	unix, err := strconv.ParseInt(timestamps[0], 10, 64)
	if err != nil || unix < 0 || strconv.FormatInt(unix, 10) != timestamps[0] {
		return fmt.Errorf("%w: webhook-timestamp is not Unix seconds", ErrWebhookHeaders)
	}
	limit := int64(tolerance / time.Second)
	if distance := now.Unix() - unix; distance > limit || distance < -limit {
		return ErrWebhookTimestamp
	}
	list := strings.Fields(lists[0])
	if len(list) > maxWebhookSignatures {
		return fmt.Errorf("%w: more than %d signatures", ErrWebhookHeaders, maxWebhookSignatures)
	}
	for _, secret := range secrets {
		want := webhookMAC(secret, ids[0], timestamps[0], body)
		for _, versioned := range list {
			encoded, ok := strings.CutPrefix(versioned, webhookVersion)
			if !ok {
				continue
			}
			got, err := base64.StdEncoding.Strict().DecodeString(encoded)
			if err == nil && hmac.Equal(got, want) {
				return nil
			}
		}
	}
	return ErrSignature
}

func webhookMAC(secret []byte, id, unix string, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	head := make([]byte, 0, len(id)+len(unix)+2)
	head = append(append(head, id...), '.')
	head = append(append(head, unix...), '.')
	mac.Write(head)
	mac.Write(body)
	return mac.Sum(nil)
}
