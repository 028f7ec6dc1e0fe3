package wechatpay

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// Mode says how WeChat Pay's side is known.
type Mode int

// The modes.
const (
	// PublicKeyMode: by WeChat Pay's public key.
	PublicKeyMode Mode = iota
	// CertificateMode: by platform certificates.
	CertificateMode
	// MigrationMode: by both, as while a merchant changes from certificates to
	// the public key.
	MigrationMode
)

// FromSandbox turns the credentials that the sandbox hands out into an
// account's: both modes are offered, refunds need no spacing and are found at
// once.
func FromSandbox(raw []byte, mode Mode) (Config, error) {
	var cfg Config
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&cfg); err != nil {
		return Config{}, errors.New("wechatpay credentials of the sandbox cannot be read")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("wechatpay credentials of the sandbox are followed by something else")
	}
	none := 0
	cfg.RefundSpacing, cfg.RefundNotFoundAfter = &none, &none
	switch mode {
	case PublicKeyMode:
		cfg.PlatformCert = ""
	case CertificateMode:
		cfg.PublicKeyID, cfg.PublicKey = "", ""
	case MigrationMode:
	}
	return cfg, errors.Join(cfg.faults()...)
}
