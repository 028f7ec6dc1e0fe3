package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/signing"
)

// platformKeyView is a platform key as the commands show it.
type platformKeyView struct {
	Serial    string            `json:"serial"`
	Algorithm signing.Algorithm `json:"algorithm"`
	CreatedAt time.Time         `json:"created_at"`
	RetiredAt *time.Time        `json:"retired_at"`
}

func viewPlatformKey(k merchant.PlatformKey) platformKeyView {
	return platformKeyView{Serial: k.Serial, Algorithm: k.Algorithm, CreatedAt: k.CreatedAt, RetiredAt: timeOrNull(k.RetiredAt)}
}

func newPlatformKeyCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use: "platform-key", Short: "Replace the keys that sign the gateway's answers", RunE: needSubcommand,
		Long: "A new key is published at once and signs a while later, so that merchants who follow GET /v1/platform-keys know it by\n" +
			"then. Retire the one before it when everybody does.",
		Example: example("paymux platform-key rotate --algorithm rsa2 --reason 'yearly'", "paymux platform-key list"),
	}
	c.AddCommand(newPlatformKeyListCommand(env), newPlatformKeyRotateCommand(env), newPlatformKeyRetireCommand(env))
	return c
}

func newPlatformKeyListCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	c := &cobra.Command{
		Use: "list", Short: "List the platform keys, retired ones too", Args: cobra.NoArgs,
		Example: example("paymux platform-key list --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error {
				keys, err := in.Merchants.PlatformKeys(c.Context())
				if err != nil {
					return err
				}
				views := make([]platformKeyView, len(keys))
				for i, k := range keys {
					views[i] = viewPlatformKey(k)
				}
				return w.print(map[string]any{"data": views}, func(out *tabwriter.Writer) {
					row(out, "SERIAL", "ALGORITHM", "CREATED", "RETIRED")
					for _, k := range views {
						retired := ""
						if k.RetiredAt != nil {
							retired = k.RetiredAt.Format(time.RFC3339)
						}
						row(out, k.Serial, k.Algorithm, k.CreatedAt.Format(time.RFC3339), retired)
					}
				})
			})
		},
	}
	w.flags(c)
	return c
}

func newPlatformKeyRotateCommand(env *environment) *cobra.Command {
	o := &operation{work: work{env: env}}
	var algorithm string
	c := &cobra.Command{
		Use: "rotate", Short: "Make a further key; it signs after merchants had time to learn it", Args: cobra.NoArgs,
		Example: example("paymux platform-key rotate --algorithm ed25519 --reason 'yearly'"),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.do(c.Context(), func(in *app.Installation) error {
				key, err := in.Merchants.RotatePlatformKey(c.Context(), signing.Algorithm(algorithm))
				if err != nil {
					return err
				}
				if err := o.acted(c.Context(), in, "platform_key.rotate", "", key.Serial, map[string]any{"algorithm": algorithm, "reason": o.reason}); err != nil {
					return err
				}
				signs := key.CreatedAt.Add(merchant.PlatformKeyLead)
				result := map[string]any{"serial": key.Serial, "algorithm": key.Algorithm, "signs_from": signs}
				return o.print(result, func(out *tabwriter.Writer) {
					row(out, "new key", key.Serial)
					row(out, "signs from", signs.Format(time.RFC3339))
				})
			})
		},
	}
	o.flagsFor(c, "", true)
	c.Flags().StringVar(&algorithm, "algorithm", string(signing.RSA2), "rsa2 or ed25519")
	return c
}

func newPlatformKeyRetireCommand(env *environment) *cobra.Command {
	o := &operation{work: work{env: env}}
	var serial string
	c := &cobra.Command{
		Use: "retire", Short: "Stop publishing a key for good", Args: cobra.NoArgs,
		Example: example("paymux platform-key retire --serial 5A0F… --reason 'replaced'"),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.do(c.Context(), func(in *app.Installation) error {
				err := in.Merchants.RetirePlatformKey(c.Context(), serial)
				if errors.Is(err, merchant.ErrNotFound) {
					return fmt.Errorf("there is no platform key %s", serial)
				}
				if err != nil {
					return err
				}
				if err := o.acted(c.Context(), in, "platform_key.retire", "", serial, map[string]any{"reason": o.reason}); err != nil {
					return err
				}
				return o.print(map[string]any{"serial": serial, "retired": true}, func(out *tabwriter.Writer) { row(out, serial, "retired") })
			})
		},
	}
	o.flagsFor(c, "", true)
	c.Flags().StringVar(&serial, "serial", "", "serial of the key, see platform-key list")
	require(c, "serial")
	return c
}
