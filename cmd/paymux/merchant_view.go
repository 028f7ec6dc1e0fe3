package main

import (
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/merchant"
)

// merchantView is a merchant as the commands show it.
type merchantView struct {
	ID              string    `json:"id"`
	Name            string    `json:"name"`
	Status          string    `json:"status"`
	NotifyURL       string    `json:"notify_url"`
	LatePayment     string    `json:"late_payment"`
	AnswerAlgorithm string    `json:"answer_algorithm"`
	CreatedAt       time.Time `json:"created_at"`
}

func viewMerchant(m merchant.Merchant) merchantView {
	return merchantView{
		ID: m.ID, Name: m.Name, Status: string(m.Status), NotifyURL: m.NotifyURL, LatePayment: string(m.LatePolicy),
		AnswerAlgorithm: string(m.AnswerAlgorithm), CreatedAt: m.CreatedAt,
	}
}

// keyView is a merchant's key as the commands show it.
type keyView struct {
	Serial    string     `json:"serial"`
	PublicKey string     `json:"public_key"`
	CreatedAt time.Time  `json:"created_at"`
	RevokedAt *time.Time `json:"revoked_at"`
}

func (k keyView) state() string {
	if k.RevokedAt != nil {
		return "revoked " + k.RevokedAt.Format(time.RFC3339)
	}
	return "live"
}

func viewKeys(keys []merchant.Key) []keyView {
	views := make([]keyView, len(keys))
	for i, k := range keys {
		views[i] = keyView{Serial: k.Serial, PublicKey: k.PublicKeyPEM, CreatedAt: k.CreatedAt, RevokedAt: timeOrNull(k.RevokedAt)}
	}
	return views
}

// accountView is an account as the commands show it; it has no credentials.
type accountView struct {
	ID         string           `json:"id"`
	MerchantID string           `json:"merchant_id"`
	Channel    string           `json:"channel"`
	Identity   string           `json:"identity"`
	Enabled    bool             `json:"enabled"`
	Weight     int              `json:"weight"`
	FeeRatePPM int64            `json:"fee_rate_ppm"`
	MinAmount  int64            `json:"min_amount"`
	MaxAmount  int64            `json:"max_amount"`
	Scenes     []channels.Scene `json:"scenes"`
	Hours      []channels.Hours `json:"hours"`
	Version    int64            `json:"credentials_version"`
	CreatedAt  time.Time        `json:"created_at"`
}

func (a accountView) state() string {
	if a.Enabled {
		return "enabled"
	}
	return "disabled"
}

func viewAccount(a merchant.Account) accountView {
	view := accountView{
		ID: a.ID, MerchantID: a.MerchantID, Channel: a.Channel, Identity: a.Identity, Enabled: a.Enabled, Weight: a.Weight,
		FeeRatePPM: a.FeeRatePPM, MinAmount: a.MinAmount, MaxAmount: a.MaxAmount, Scenes: a.Scenes, Hours: a.Hours,
		Version: a.Version, CreatedAt: a.CreatedAt,
	}
	if view.Scenes == nil {
		view.Scenes = []channels.Scene{} // all of the channel's
	}
	if view.Hours == nil {
		view.Hours = []channels.Hours{} // always
	}
	return view
}

func viewAccounts(accounts []merchant.Account) []accountView {
	views := make([]accountView, len(accounts))
	for i, a := range accounts {
		views[i] = viewAccount(a)
	}
	return views
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
