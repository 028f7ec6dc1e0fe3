package alipaysim

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/parts"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

const contentKeyBytes = 16

// secrets is what the books keep of an account; all of it is made for the sandbox.
type secrets struct {
	SellerID   string `json:"seller_id"`
	AppKey     string `json:"app_key"`    // the merchant's private key
	AlipayKey  string `json:"alipay_key"` // the channel's private key for this account
	AppCert    string `json:"app_cert"`
	AlipayCert string `json:"alipay_cert"` // leaf and issuer
	ContentKey string `json:"content_key"`
}

// account is one app of one seller, ready for use.
type account struct {
	secrets
	appID            string
	openedAt         time.Time
	appPublic        *rsa.PublicKey
	key              *rsa.PrivateKey // signs the channel's answers
	contentKey       []byte
	appCertSN, sn    string // numbers of the merchant's and of the channel's certificate
	recent           parts.Recent[node]
	buyerID, buyerNo string
}

// OpenAccount makes another app with a seller and keys of its own.
func (s *Simulator) OpenAccount(context.Context) (string, error) {
	appID, sellerID := "9021"+keys.Digits(12), "2088"+keys.Digits(12)
	made, err := s.newSecrets(appID, sellerID)
	if err != nil {
		return "", fmt.Errorf("open an alipay account: %w", err)
	}
	return appID, s.accounts.Open(appID, made, s.env.Now())
}

func (s *Simulator) newSecrets(appID, sellerID string) (secrets, error) {
	now := s.env.Now()
	appKey, err1 := keys.Generate()
	alipayKey, err2 := keys.Generate()
	if err := errors.Join(err1, err2); err != nil {
		return secrets{}, err
	}
	appPEM, err1 := keys.PrivatePEM(appKey)
	alipayPEM, err2 := keys.PrivatePEM(alipayKey)
	appCert, err3 := s.authority.issue(certificateName(appID, "Merchant"), &appKey.PublicKey, now)
	alipayCert, err4 := s.authority.issue(certificateName("Paymux Sandbox in the place of Alipay", "Channel"), &alipayKey.PublicKey, now)
	return secrets{
		SellerID: sellerID, AppKey: appPEM, AlipayKey: alipayPEM, AppCert: appCert,
		AlipayCert: alipayCert + s.authority.IssuerCert,
		ContentKey: base64.StdEncoding.EncodeToString(keys.Bytes(contentKeyBytes)),
	}, errors.Join(err1, err2, err3, err4)
}

// readyAccount reads what the books keep of an account.
func readyAccount(stored books.Account, sec secrets) (*account, error) {
	appKey, err1 := keys.ParsePrivatePEM(sec.AppKey)
	alipayKey, err2 := keys.ParsePrivatePEM(sec.AlipayKey)
	appCert, err3 := keys.ParseCertificatePEM(sec.AppCert)
	alipayCert, err4 := keys.ParseCertificatePEM(sec.AlipayCert)
	contentKey, err5 := base64.StdEncoding.DecodeString(sec.ContentKey)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, err
	}
	return &account{
		secrets: sec, appID: stored.ID, openedAt: stored.CreatedAt, appPublic: &appKey.PublicKey, key: alipayKey, contentKey: contentKey,
		appCertSN: serialNumber(appCert), sn: serialNumber(alipayCert),
		buyerID: "2088" + strings.Repeat("7", 2) + stored.ID[len(stored.ID)-10:], buyerNo: "pay***@sandbox.example",
	}, nil
}

// Credentials answers what the merchant of an app has to configure.
func (s *Simulator) Credentials(appID string) (sim.Credentials, error) {
	a, err := s.accounts.Get(appID)
	if err != nil {
		return sim.Credentials{}, err
	}
	public, err := keys.PublicPEM(&a.key.PublicKey)
	if err != nil {
		return sim.Credentials{}, err
	}
	return sim.Credentials{Alipay: &sim.Alipay{
		BaseURL: s.env.ChannelBase + gatewayPath, AppID: appID, SellerID: a.SellerID,
		AppPrivateKey: a.AppKey, AlipayPublicKey: public,
		AppCert: a.AppCert, AlipayCert: a.AlipayCert, AlipayRootCert: s.authority.RootBundle, EncryptKey: a.ContentKey,
	}}, nil
}
