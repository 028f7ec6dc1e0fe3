package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/signing"
)

// creation is one run of merchant create.
type creation struct {
	work
	name, publicKey, notifyURL  string
	latePayment, algorithm, out string
	sandboxAccounts             bool
	sandbox                     string
}

// createdProfile is the profile of a new merchant; accounts are there beside the
// fields of the ready line.
type createdProfile struct {
	app.Profile
	Accounts []accountView `json:"accounts,omitempty"`
}

func newMerchantCreateCommand(env *environment) *cobra.Command {
	m := &creation{work: work{env: env, installation: installation{mayBegin: true}}}
	c := &cobra.Command{
		Use: "create", Short: "Make a merchant with its key and webhook secret", Args: cobra.NoArgs,
		Long: "Without --public-key it makes a key pair. Key, webhook secret and profile lie in a folder of the merchant's own,\n" +
			"readable for you only; hand them to the merchant and remove them. --json prints the profile, which has the fields\n" +
			"of serve's ready line and is what paymux call takes.",
		Example: example("paymux merchant create --name 'Tea shop' --sandbox-accounts --json",
			"paymux merchant create --config paymux.yaml --name 'Tea shop' --public-key shop.pem --notify-url https://shop.example/hook"),
		RunE: func(c *cobra.Command, _ []string) error {
			return m.do(c.Context(), func(in *app.Installation) error { return m.run(c.Context(), in) })
		},
	}
	m.flags(c)
	f := c.Flags()
	f.StringVar(&m.name, "name", "", "the merchant's name, for people")
	f.StringVar(&m.publicKey, "public-key", "", "PEM file with the merchant's RSA public key; without it a key pair is made")
	f.StringVar(&m.notifyURL, "notify-url", "", "where its webhooks go when a payment names no other place")
	f.StringVar(&m.latePayment, "late-payment", string(merchant.LateRefund), "what happens to money that comes after a payment ended: refund or accept")
	f.StringVar(&m.algorithm, "answer-algorithm", string(signing.RSA2), "how answers to it are signed: rsa2 or ed25519")
	f.BoolVar(&m.sandboxAccounts, "sandbox-accounts", false, "give it an account of its own at each channel of the sandbox, which must be running")
	f.StringVar(&m.sandbox, "sandbox", "", "address of the sandbox, where it is another than the installation's")
	f.StringVar(&m.out, "out", "", "folder for its files (default: merchants/ID in the data folder)")
	require(c, "name")
	return c
}

func (m *creation) run(ctx context.Context, in *app.Installation) error {
	serving, err := m.serving(in.Config)
	if err != nil {
		return err
	}
	if m.sandbox != "" {
		serving.Sandbox = m.sandbox
	}
	if err := in.Merchants.EnsurePlatformKeys(ctx); err != nil {
		return err
	}
	folder, err := m.newFolder(in)
	if err != nil {
		return fmt.Errorf("make the merchant's folder: %w", err)
	}
	// The files are in place before the merchant is: a key that verifies and that
	// nobody holds would be of no use. A folder without a merchant is removed.
	made, err := m.create(ctx, in, folder, serving.Sandbox)
	if err != nil {
		_ = os.RemoveAll(folder)
		return err
	}
	audited := m.acted(ctx, in, "merchant.create", made.Merchant.ID, made.Merchant.ID, map[string]any{"name": made.Merchant.Name, "key_serial": made.Key.Serial})
	profile, err := m.keep(ctx, in, folder, serving, made)
	if err != nil {
		return errors.Join(audited, fmt.Errorf("merchant %s was made, but its files in %s are not complete (%w); "+
			"get a new webhook secret with paymux merchant secret rotate --merchant %s", made.Merchant.ID, folder, err, made.Merchant.ID))
	}
	printed := m.print(profile, func(out *tabwriter.Writer) {
		row(out, "merchant", profile.MerchantID)
		row(out, "key serial", profile.KeySerial)
		row(out, "private key", orDash(profile.KeyFile))
		row(out, "webhook secret", profile.WebhookSecretFile)
		row(out, "platform key", profile.PlatformPublicKeyFile)
		row(out, "profile", filepath.Join(filepath.Dir(profile.WebhookSecretFile), profileFile))
		for _, a := range profile.Accounts {
			row(out, "account", a.ID, a.Channel)
		}
	})
	return errors.Join(audited, printed)
}

// newFolder makes the folder for the merchant's files, of a passing name where
// it is to be named for the merchant.
func (m *creation) newFolder(in *app.Installation) (string, error) {
	if m.out != "" {
		out, err := filepath.Abs(m.out)
		if err != nil {
			return "", err
		}
		if err := os.MkdirAll(filepath.Dir(out), folderMode); err != nil {
			return "", err
		}
		return out, os.Mkdir(out, folderMode)
	}
	data, err := m.folder(in.Config)
	if err != nil {
		return "", err
	}
	parent := filepath.Join(data, merchantsFolder)
	if err := os.MkdirAll(parent, folderMode); err != nil {
		return "", err
	}
	return os.MkdirTemp(parent, ".new-*")
}

func (m *creation) create(ctx context.Context, in *app.Installation, folder, sandbox string) (merchant.Created, error) {
	req := merchant.CreateRequest{
		Name: m.name, NotifyURL: m.notifyURL, LatePolicy: merchant.LatePolicy(m.latePayment), AnswerAlgorithm: signing.Algorithm(m.algorithm),
	}
	var err error
	if m.publicKey != "" {
		req.PublicKeyPEM, err = readKeyFile(m.publicKey)
	} else {
		_, req.PublicKeyPEM, err = writeKeyPair(folder)
	}
	if err != nil {
		return merchant.Created{}, err
	}
	if m.sandboxAccounts {
		if req.Accounts, err = openSandboxAccounts(ctx, sandbox, ""); err != nil {
			return merchant.Created{}, err
		}
	}
	return in.Merchants.CreateMerchant(ctx, req)
}

// keep writes what belongs to the merchant and puts the folder in its place.
func (m *creation) keep(ctx context.Context, in *app.Installation, folder string, serving app.Profile, made merchant.Created) (createdProfile, error) {
	final := folder
	if m.out == "" {
		final = filepath.Join(filepath.Dir(folder), made.Merchant.ID)
	}
	profile := createdProfile{
		Profile: app.Profile{
			API: serving.API, Sandbox: serving.Sandbox, Console: serving.Console,
			MerchantID: made.Merchant.ID, KeySerial: made.Key.Serial,
			PlatformPublicKeyFile: filepath.Join(final, platformKeyFile), WebhookSecretFile: filepath.Join(final, webhookSecretFile),
		},
		Accounts: viewAccounts(made.Accounts),
	}
	if m.publicKey == "" {
		profile.KeyFile = filepath.Join(final, privateKeyFile)
	}
	ring, err := in.Merchants.KeyRing(ctx)
	if err != nil {
		return profile, err
	}
	current, err := ring.Current(made.Merchant.AnswerAlgorithm)
	if err != nil {
		return profile, err
	}
	platform, err := signing.EncodePublicKeyPEM(current.Public())
	if err != nil {
		return profile, err
	}
	text, err := json.MarshalIndent(profile, "", "  ")
	if err != nil {
		return profile, err
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{webhookSecretFile, []byte(made.WebhookSecret.Reveal() + "\n")}, {platformKeyFile, platform}, {profileFile, append(text, '\n')},
	} {
		if err := writeNew(filepath.Join(folder, file.name), file.content, privateMode); err != nil {
			return profile, err
		}
	}
	if final == folder {
		return profile, nil
	}
	return profile, os.Rename(folder, final)
}
