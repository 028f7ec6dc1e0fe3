package main

import (
	"crypto"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/signing"
)

// profile is what a merchant needs to call the API; it has the fields of the
// ready line.
type profile app.Profile

func readProfile(path string) (profile, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the path is the user's own choice
	if err != nil {
		return profile{}, fmt.Errorf("read the profile: %w", err)
	}
	var p profile
	if err := json.Unmarshal(text, &p); err != nil {
		return profile{}, fmt.Errorf("read the profile %s: it must be JSON with the fields of the ready line: %w", path, err)
	}
	for _, f := range []struct{ name, value string }{
		{"api", p.API}, {"merchant_id", p.MerchantID}, {"key_file", p.KeyFile},
	} {
		if f.value == "" {
			return profile{}, fmt.Errorf("the profile %s lacks %s", path, f.name)
		}
	}
	return p, nil
}

// client makes the client of a profile; it holds the platform's key of the
// profile's file, or none.
func (p profile) client() (*signing.Client, error) {
	text, err := os.ReadFile(p.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the merchant's key: %w", err)
	}
	key, err := signing.ParsePrivateKeyPEM(text)
	if err != nil {
		return nil, fmt.Errorf("read the merchant's key %s: %w", p.KeyFile, err)
	}
	keys, err := p.platformKeys()
	if err != nil {
		return nil, err
	}
	serial := p.KeySerial
	if serial == "" {
		serial = signing.Serial(key.Public())
	}
	return &signing.Client{
		BaseURL: strings.TrimRight(p.API, "/"), MerchantID: p.MerchantID, Serial: serial, Key: key, PlatformKeys: keys,
	}, nil
}

func (p profile) platformKeys() (map[string]crypto.PublicKey, error) {
	if p.PlatformPublicKeyFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(p.PlatformPublicKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the platform's public key: %w", err)
	}
	pub, err := signing.ParsePublicKeyPEM(text)
	if err != nil {
		return nil, fmt.Errorf("read the platform's public key %s: %w", p.PlatformPublicKeyFile, err)
	}
	return map[string]crypto.PublicKey{signing.Serial(pub): pub}, nil
}
