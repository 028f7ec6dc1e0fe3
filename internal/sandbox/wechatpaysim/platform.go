package wechatpaysim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
)

const (
	settingPlatform  = "wechatpay.platform"
	certificateYears = 5
)

// platform is the channel's own certificate, the same for all merchants; the books keep it.
type platform struct {
	Certificate string    `json:"certificate"` // PEM
	Key         string    `json:"key"`
	Serial      string    `json:"serial"` // 40 upper-case hexadecimal digits
	From        time.Time `json:"from"`
	Until       time.Time `json:"until"`
}

// openPlatform reads the platform's certificate, which is made at the first start.
func openPlatform(store *books.Store, now time.Time) (platform, *rsa.PrivateKey, error) {
	p, err := books.SettingOrNew(store, settingPlatform, func() (platform, error) { return newPlatform(now) })
	if err != nil {
		return platform{}, nil, fmt.Errorf("prepare wechatpay's platform certificate: %w", err)
	}
	key, err := keys.ParsePrivatePEM(p.Key)
	return p, key, err
}

func newPlatform(now time.Time) (platform, error) {
	key, err1 := keys.Generate()
	issuerKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2); err != nil {
		return platform{}, err
	}
	serial := newSerial()
	number, _ := new(big.Int).SetString(serial, 16)
	leaf := &x509.Certificate{
		SerialNumber: number, NotBefore: now.AddDate(0, 0, -1).Truncate(time.Second), NotAfter: now.AddDate(certificateYears, 0, 0).Truncate(time.Second),
		Subject:  pkix.Name{Country: []string{"CN"}, Organization: []string{"Paymux Sandbox"}, CommonName: "Tenpay.com sign"},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, BasicConstraintsValid: true,
	}
	issuer := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		Subject: pkix.Name{Country: []string{"CN"}, Organization: []string{"Paymux Sandbox"}, CommonName: "Paymux Sandbox in the place of Tenpay.com Root CA"},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		return platform{}, fmt.Errorf("make the platform certificate: %w", err)
	}
	keyPEM, err := keys.PrivatePEM(key)
	return platform{
		Certificate: keys.CertificatePEM(der), Key: keyPEM,
		Serial: serial, From: leaf.NotBefore, Until: leaf.NotAfter,
	}, err
}

// newSerial is a certificate's number: 40 upper-case hexadecimal digits, the first of which is not 0.
func newSerial() string {
	b := keys.Bytes(20)
	b[0] = b[0]&0x3f | 0x40
	return fmt.Sprintf("%X", b)
}

// certificates hands out the platform's certificates, encrypted under the merchant's key.
func (s *Simulator) certificates(c *call) (reply, error) {
	if kind := c.query.Get("algorithm_type"); kind != "" && kind != "RSA" && kind != "ALL" {
		return reply{}, parameterError("algorithm_type", "query", "算法类型无效", kind)
	}
	sealed, err := c.account.encrypt([]byte(s.platform.Certificate), "certificate")
	if err != nil {
		return reply{}, err
	}
	return ok(object{"data": []object{{
		"serial_no": s.platform.Serial, "effective_time": formatTime(s.platform.From), "expire_time": formatTime(s.platform.Until),
		"encrypt_certificate": sealed,
	}}}), nil
}
