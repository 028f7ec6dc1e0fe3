package wechatpaysim

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/sandbox/books"
	"github.com/paymux/paymux/internal/sandbox/keys"
	"github.com/paymux/paymux/internal/sandbox/sim"
)

// secrets is what the books keep of an account; all of it is made for the sandbox.
type secrets struct {
	AppID       string `json:"appid"`
	Serial      string `json:"serial"`       // of the merchant's certificate
	MerchantKey string `json:"merchant_key"` // the merchant's private key
	APIv3Key    string `json:"api_v3_key"`
	PublicKeyID string `json:"public_key_id"`
	ChannelKey  string `json:"channel_key"` // the channel's private key for this account
}

// account is one merchant, ready for use.
type account struct {
	secrets
	mchid    string
	openedAt time.Time
	merchant *rsa.PublicKey
	apiKey   []byte // AES-256
	own      signer // the public-key mode's
	openid   string // of the payer that every order has who names none
}

// signer is one of the channel's keys with the id under which merchants know it.
type signer struct {
	id  string
	key *rsa.PrivateKey
}

// OpenAccount makes another merchant with keys of its own.
func (s *Simulator) OpenAccount(context.Context) (string, error) {
	mchid := "16" + keys.Digits(8)
	made, err := newSecrets(mchid)
	if err != nil {
		return "", fmt.Errorf("open a wechatpay account: %w", err)
	}
	return mchid, s.accounts.Open(mchid, made, s.env.Now())
}

func newSecrets(mchid string) (secrets, error) {
	merchantKey, err1 := keys.Generate()
	channelKey, err2 := keys.Generate()
	if err := errors.Join(err1, err2); err != nil {
		return secrets{}, err
	}
	merchantPEM, err1 := keys.PrivatePEM(merchantKey)
	channelPEM, err2 := keys.PrivatePEM(channelKey)
	return secrets{
		AppID: "wx" + keys.Hex(16), Serial: newSerial(), MerchantKey: merchantPEM, APIv3Key: keys.Hex(32),
		PublicKeyID: "PUB_KEY_ID_01" + mchid + keys.Digits(18), ChannelKey: channelPEM,
	}, errors.Join(err1, err2)
}

// readyAccount reads what the books keep of an account.
func readyAccount(stored books.Account, sec secrets) (*account, error) {
	merchantKey, err1 := keys.ParsePrivatePEM(sec.MerchantKey)
	channelKey, err2 := keys.ParsePrivatePEM(sec.ChannelKey)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return &account{
		secrets: sec, mchid: stored.ID, openedAt: stored.CreatedAt, merchant: &merchantKey.PublicKey, apiKey: []byte(sec.APIv3Key),
		own: signer{sec.PublicKeyID, channelKey}, openid: "oSandbox" + stored.ID + "Payer00001",
	}, nil
}

// Credentials answers what the merchant has to configure.
func (s *Simulator) Credentials(mchid string) (sim.Credentials, error) {
	a, err := s.accounts.Get(mchid)
	if err != nil {
		return sim.Credentials{}, err
	}
	public, err := keys.PublicPEM(&a.own.key.PublicKey)
	if err != nil {
		return sim.Credentials{}, err
	}
	return sim.Credentials{WeChatPay: &sim.WeChatPay{
		BaseURL: s.env.ChannelBase, MchID: mchid, AppID: a.AppID, Serial: a.Serial, MerchantPrivateKey: a.MerchantKey,
		APIV3Key: a.APIv3Key, PublicKeyID: a.PublicKeyID, PublicKey: public, PlatformCert: s.platform.Certificate,
	}}, nil
}

// signer answers the key that a Wechatpay-Serial asks for; without one, the public-key mode's.
func (s *Simulator) signer(a *account, id string) (signer, bool) {
	switch {
	case id == "" || id == a.own.id:
		return a.own, true
	case strings.EqualFold(id, s.platform.Serial):
		return signer{s.platform.Serial, s.platformKey}, true
	default:
		return signer{}, false
	}
}
