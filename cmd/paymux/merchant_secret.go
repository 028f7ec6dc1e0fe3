package main

import (
	"context"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
)

func newSecretRotateCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	var out string
	c := &cobra.Command{
		Use: "rotate", Short: "Give a merchant a new webhook secret", Args: cobra.NoArgs,
		Long: "The new secret signs at once. The one before it signs too for 24 hours: the webhook-signature header then lists\n" +
			"both, so that the receiver has time to take the new one. The secret is written to a file and not printed.",
		Example: example("paymux merchant secret rotate --merchant mer_01…", "paymux merchant secret rotate --merchant mer_01… --out secret.txt --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error { return w.rotateSecret(c.Context(), in, out) })
		},
	}
	w.flags(c)
	w.requireMerchant(c)
	c.Flags().StringVar(&out, "out", "", "file for the secret (default: the merchant's in the data folder)")
	return c
}

func (w *work) rotateSecret(ctx context.Context, in *app.Installation, out string) error {
	path, err := w.secretPath(in, out)
	if err != nil {
		return err
	}
	if _, err := in.Merchants.Profile(ctx, w.merchantID); err != nil {
		return err
	}
	// A place for it comes first: a secret that cannot be kept must not sign.
	file, err := newPendingFile(path)
	if err != nil {
		return fmt.Errorf("make a file for the secret: %w", err)
	}
	rotated, err := in.Merchants.RotateSecret(ctx, w.merchantID)
	if err != nil {
		file.discard()
		return err
	}
	if err := file.commit([]byte(rotated.Secret.Reveal() + "\n")); err != nil {
		file.discard()
		return fmt.Errorf("the new secret signs already but could not be kept (%w); run the command again for another one", err)
	}
	if err := w.acted(ctx, in, "merchant_secret.rotate", w.merchantID, rotated.ID, nil); err != nil {
		return err
	}
	result := map[string]any{
		"merchant_id": w.merchantID, "secret_id": rotated.ID, "webhook_secret_file": path, "previous_until": rotated.PreviousUntil,
	}
	return w.print(result, func(out *tabwriter.Writer) {
		row(out, "webhook secret", path)
		row(out, "previous signs until", rotated.PreviousUntil.Format(time.RFC3339))
	})
}

// secretPath is the file that the merchant's profile names.
func (w *work) secretPath(in *app.Installation, out string) (string, error) {
	if out != "" {
		return filepath.Abs(out)
	}
	kept, err := w.serving(in.Config)
	if err != nil {
		return "", err
	}
	if kept.MerchantID == w.merchantID && kept.WebhookSecretFile != "" {
		return kept.WebhookSecretFile, nil
	}
	data, err := w.folder(in.Config)
	if err != nil {
		return "", err
	}
	return filepath.Join(data, merchantsFolder, filepath.Base(w.merchantID), webhookSecretFile), nil
}
