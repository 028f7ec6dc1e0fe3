package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/signing"
)

func newKeyAddCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	var file string
	c := &cobra.Command{
		Use: "add", Short: "Add a public key, live at once beside those before it", Args: cobra.NoArgs,
		Example: example("paymux merchant key add --merchant mer_01… --public-key public_key.pem --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := readKeyFile(file)
			if err != nil {
				return err
			}
			return w.do(c.Context(), func(in *app.Installation) error {
				key, err := in.Merchants.AddKey(c.Context(), w.merchantID, text)
				if err != nil {
					return err
				}
				if err := w.acted(c.Context(), in, "merchant_key.add", w.merchantID, key.Serial, nil); err != nil {
					return err
				}
				return w.print(map[string]string{"serial": key.Serial}, func(out *tabwriter.Writer) { row(out, key.Serial) })
			})
		},
	}
	w.flags(c)
	w.requireMerchant(c)
	c.Flags().StringVar(&file, "public-key", "", "PEM file with an RSA public key of 2048 bits or more")
	require(c, "public-key")
	return c
}

func newKeyRevokeCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	var serial string
	c := &cobra.Command{
		Use: "revoke", Short: "Stop a public key at once and for good", Args: cobra.NoArgs,
		Example: example("paymux merchant key revoke --merchant mer_01… --serial 5A0F…"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error {
				if err := in.Merchants.RevokeKey(c.Context(), w.merchantID, serial); err != nil {
					return err
				}
				if err := w.acted(c.Context(), in, "merchant_key.revoke", w.merchantID, serial, nil); err != nil {
					return err
				}
				result := map[string]any{"serial": serial, "revoked": true}
				return w.print(result, func(out *tabwriter.Writer) { row(out, serial, "revoked") })
			})
		},
	}
	w.flags(c)
	w.requireMerchant(c)
	c.Flags().StringVar(&serial, "serial", "", "serial of the key, see merchant show")
	require(c, "serial")
	return c
}

// readKeyFile reads a PEM file, no more of it than a key can be.
func readKeyFile(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the user's own choice
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, signing.MaxPEMBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	return text, nil
}
