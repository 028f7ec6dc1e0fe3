package main

import (
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/signing"
)

func newKeygenCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	var out string
	c := &cobra.Command{
		Use: "keygen", Short: "Make an RSA-2048 key pair for a merchant", Args: cobra.NoArgs,
		Long:    "Writes private_key.pem (PKCS#8, readable for you only) and public_key.pem (PKIX). Nothing is overwritten.",
		Example: example("paymux keygen --out ./keys", "paymux keygen --out ./keys --json"),
		RunE: func(*cobra.Command, []string) error {
			folder, err := filepath.Abs(out)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(folder, folderMode); err != nil {
				return fmt.Errorf("make the folder: %w", err)
			}
			public, _, err := writeKeyPair(folder)
			if err != nil {
				return err
			}
			result := struct {
				PrivateKeyFile string `json:"private_key_file"`
				PublicKeyFile  string `json:"public_key_file"`
				Serial         string `json:"serial"`
			}{filepath.Join(folder, privateKeyFile), filepath.Join(folder, publicKeyFile), signing.Serial(public)}
			return w.print(result, func(out *tabwriter.Writer) {
				row(out, "private key", result.PrivateKeyFile)
				row(out, "public key", result.PublicKeyFile)
				row(out, "serial", result.Serial)
			})
		},
	}
	c.Flags().StringVar(&out, "out", ".", "folder for the two files")
	c.Flags().BoolVar(&w.json, "json", false, "print JSON")
	return c
}
