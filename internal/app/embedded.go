package app

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/paymux/paymux/internal/config"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/sandbox"
	"github.com/paymux/paymux/signing"
)

// sandboxFeePPM is what the simulated channels take of a payment.
const sandboxFeePPM = 6000

// Limits of the sandbox's accounts, in fen.
const sandboxMin, sandboxMax = 1, 5_000_000

// Profile is what a merchant needs to call the API; the ready line has the same
// fields.
type Profile struct {
	API                   string `json:"api,omitempty"`
	Sandbox               string `json:"sandbox,omitempty"`
	Console               string `json:"console,omitempty"`
	MerchantID            string `json:"merchant_id,omitempty"`
	KeyFile               string `json:"key_file,omitempty"`
	KeySerial             string `json:"key_serial,omitempty"`
	PlatformPublicKeyFile string `json:"platform_public_key_file,omitempty"`
	WebhookSecretFile     string `json:"webhook_secret_file,omitempty"`
	ConsoleUser           string `json:"console_user,omitempty"`
	ConsolePasswordFile   string `json:"console_password_file,omitempty"`
}

// Files of an embedded installation.
const (
	// ProfileFile holds the last ready line's fields.
	ProfileFile      = "profile.json"
	databaseFile     = "paymux.db"
	demoFolder       = "demo-merchant"
	merchantIDFile   = "merchant.json"
	keyFile          = "private_key.pem"
	secretFile       = "webhook_secret"
	platformKeysFile = "platform_public_key.pem"
)

// PrepareEmbedded makes the folder and master key of an embedded installation.
func PrepareEmbedded(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return "", fmt.Errorf("make the data folder: %w", err)
	}
	if err := ensureMasterKey(filepath.Join(abs, "master.key")); err != nil {
		return "", fmt.Errorf("make the master key: %w", err)
	}
	return abs, nil
}

// openSandbox opens the simulators of a configuration.
func openSandbox(c config.Sandbox, now func() time.Time, logger *slog.Logger) (*sandbox.Server, error) {
	return sandbox.New(sandbox.Options{Dir: c.Dir, Listen: c.Listen, Now: now, Logger: logger, NotifyScale: c.NotifyScale})
}

// SandboxCredentials cuts the sandbox's credentials into those of each channel
// of this build, as accounts keep them.
func SandboxCredentials(all json.RawMessage) (map[string][]byte, error) {
	var byChannel map[string]json.RawMessage
	if err := json.Unmarshal(all, &byChannel); err != nil {
		return nil, fmt.Errorf("read the sandbox's credentials: %w", err)
	}
	out := map[string][]byte{}
	for name, kind := range channelKinds() {
		raw, ok := byChannel[name]
		if !ok || string(raw) == "null" {
			continue
		}
		credentials, err := kind.fromSandbox(raw)
		if err != nil {
			return nil, err
		}
		out[name] = credentials
	}
	return out, nil
}

// SandboxTerms are the terms of an account at a simulated channel.
func SandboxTerms() merchant.Terms {
	return merchant.Terms{Weight: 100, FeeRatePPM: sandboxFeePPM, MinAmount: sandboxMin, MaxAmount: sandboxMax}
}

// sandboxAccounts are requests for one account at each simulated channel.
func sandboxAccounts(all json.RawMessage) ([]merchant.AccountRequest, error) {
	credentials, err := SandboxCredentials(all)
	if err != nil {
		return nil, err
	}
	var out []merchant.AccountRequest
	for _, name := range ChannelNames() {
		if c, ok := credentials[name]; ok {
			out = append(out, merchant.AccountRequest{Channel: name, Credentials: c, Terms: SandboxTerms()})
		}
	}
	return out, nil
}

// demoMerchant is what is kept of the demo merchant beside its secrets.
type demoMerchant struct {
	MerchantID string `json:"merchant_id"`
}

// ensureDemoMerchant makes the embedded installation's merchant, with its key
// pair and one account at each simulated channel, or gives the one of before.
//
// The files are written before the database: whatever dies in between leaves
// nothing that is in use, and the next start makes a merchant anew.
func (in *Installation) ensureDemoMerchant(ctx context.Context, dir string, credentials json.RawMessage, notifyURL string) (Profile, error) {
	folder := filepath.Join(dir, demoFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return Profile{}, fmt.Errorf("make the demo merchant's folder: %w", err)
	}
	key, err := ensureKey(filepath.Join(folder, keyFile))
	if err != nil {
		return Profile{}, err
	}
	var known demoMerchant
	text, err := os.ReadFile(filepath.Join(folder, merchantIDFile)) //nolint:gosec // the installation's own folder
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &known); err != nil {
			return Profile{}, fmt.Errorf("read the demo merchant: %w", err)
		}
	case errors.Is(err, fs.ErrNotExist):
		if known, err = in.createDemoMerchant(ctx, folder, key, credentials, notifyURL); err != nil {
			return Profile{}, fmt.Errorf("make the demo merchant: %w", err)
		}
	default:
		return Profile{}, fmt.Errorf("read the demo merchant: %w", err)
	}
	if err := in.addMissingAccounts(ctx, known.MerchantID, credentials); err != nil {
		return Profile{}, fmt.Errorf("add the demo merchant's accounts: %w", err)
	}
	platform, err := in.writePlatformKey(ctx, filepath.Join(dir, platformKeysFile))
	if err != nil {
		return Profile{}, err
	}
	return Profile{
		MerchantID: known.MerchantID, KeyFile: filepath.Join(folder, keyFile), KeySerial: signing.Serial(key.Public()),
		PlatformPublicKeyFile: platform, WebhookSecretFile: filepath.Join(folder, secretFile),
	}, nil
}

// createDemoMerchant makes the merchant. A start that died after the database
// knew the merchant's key and before its id was kept finds it by that key.
func (in *Installation) createDemoMerchant(ctx context.Context, folder string, key crypto.Signer, credentials json.RawMessage, notifyURL string) (demoMerchant, error) {
	public, err := signing.EncodePublicKeyPEM(key.Public())
	if err != nil {
		return demoMerchant{}, err
	}
	accounts, err := sandboxAccounts(credentials)
	if err != nil {
		return demoMerchant{}, err
	}
	var id string
	created, err := in.Merchants.CreateMerchant(ctx, merchant.CreateRequest{
		Name: "Demo merchant", PublicKeyPEM: public, Accounts: accounts, NotifyURL: notifyURL,
	})
	switch {
	case err == nil:
		id = created.Merchant.ID
		err = replaceFile(filepath.Join(folder, secretFile), []byte(created.WebhookSecret.Reveal()+"\n"))
	case errors.Is(err, merchant.ErrKeyTaken):
		id, err = in.recoverDemoMerchant(ctx, folder, signing.Serial(key.Public()))
	}
	if err != nil {
		return demoMerchant{}, err
	}
	known := demoMerchant{MerchantID: id}
	text, err := json.Marshal(known)
	if err != nil {
		return demoMerchant{}, err
	}
	return known, replaceFile(filepath.Join(folder, merchantIDFile), text)
}

// recoverDemoMerchant finds the merchant of a key and gives it a webhook secret
// that can be kept.
func (in *Installation) recoverDemoMerchant(ctx context.Context, folder, serial string) (string, error) {
	key, err := in.DB.Merchants().KeyBySerial(ctx, serial)
	if err != nil {
		return "", err
	}
	rotated, err := in.Merchants.RotateSecret(ctx, key.MerchantID)
	if err != nil {
		return "", err
	}
	return key.MerchantID, replaceFile(filepath.Join(folder, secretFile), []byte(rotated.Secret.Reveal()+"\n"))
}

// addMissingAccounts gives the demo merchant accounts at channels that a newer
// version simulates.
func (in *Installation) addMissingAccounts(ctx context.Context, merchantID string, credentials json.RawMessage) error {
	accounts, err := in.Merchants.AccountsOf(ctx, merchantID)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, a := range accounts {
		have[a.Channel] = true
	}
	wanted, err := sandboxAccounts(credentials)
	if err != nil {
		return err
	}
	for _, req := range wanted {
		if have[req.Channel] {
			continue
		}
		req.MerchantID = merchantID
		if _, err := in.Merchants.AddAccount(ctx, req); err != nil {
			return err
		}
	}
	return nil
}

// writePlatformKey keeps the platform key that signs rsa2 answers for clients.
func (in *Installation) writePlatformKey(ctx context.Context, path string) (string, error) {
	ring, err := in.Merchants.KeyRing(ctx)
	if err != nil {
		return "", err
	}
	current, err := ring.Current(signing.RSA2)
	if err != nil {
		return "", err
	}
	text, err := signing.EncodePublicKeyPEM(current.Public())
	if err != nil {
		return "", err
	}
	if err := replaceFile(path, text); err != nil {
		return "", fmt.Errorf("keep the platform's public key: %w", err)
	}
	return path, nil
}

// ensureKey reads a private key, or makes it where there is none.
func ensureKey(path string) (crypto.Signer, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the installation's own folder
	if errors.Is(err, fs.ErrNotExist) {
		key, err := signing.GenerateRSA(signing.MinRSABits)
		if err != nil {
			return nil, err
		}
		if text, err = signing.EncodePrivateKeyPEM(key); err != nil {
			return nil, err
		}
		if err := writeOnce(path, text); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("keep the merchant's key: %w", err)
		}
		if text, err = os.ReadFile(path); err != nil { //nolint:gosec // the installation's own folder
			return nil, fmt.Errorf("read the merchant's key: %w", err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("read the merchant's key: %w", err)
	}
	key, err := signing.ParsePrivateKeyPEM(text)
	if err != nil {
		return nil, fmt.Errorf("read the merchant's key %s: %w", path, err)
	}
	return key, nil
}
