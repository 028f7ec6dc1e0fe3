package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/merchant"
	"github.com/paymux/paymux/internal/merchant/keyfile"
)

func newSecretsCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:     "secrets",
		Short:   "Rotate the master key, under which secrets are encrypted at rest",
		Example: example("paymux secrets rotate"),
		RunE:    needSubcommand,
	}
	c.AddCommand(newSecretsRotateCommand(env))
	return c
}

// rotation is one run of secrets rotate.
type rotation struct {
	work
	keepKey, dropOld bool
}

// rotationResult is what a rotation did.
type rotationResult struct {
	// MasterKey is the id of the new key; empty where none was made.
	MasterKey string `json:"master_key,omitempty"`
	Resealed  int    `json:"resealed"`
	Current   int    `json:"current"`
	// Dropped counts the keys that were taken out of the file, Kept those in it.
	Dropped int `json:"dropped_keys"`
	Kept    int `json:"kept_keys,omitempty"`
}

func newSecretsRotateCommand(env *environment) *cobra.Command {
	r := &rotation{work: work{env: env}}
	c := &cobra.Command{
		Use: "rotate", Short: "Make a new master key and encrypt every secret again under it", Args: cobra.NoArgs,
		Long: "Works beside a running serve, which takes the new key up by itself, and may be stopped and run again at any time.\n" +
			"The key before the new one stays in the key file for processes that still have it; --drop-old takes it out, after\n" +
			"everything was encrypted under the first key.\n\n" +
			"With the key file on several machines, or the key in the environment: give every process the new key first and the\n" +
			"old one after it, then run this with --keep-key, then take the old one away.",
		Example: example("paymux secrets rotate", "paymux secrets rotate --drop-old", "paymux secrets rotate --config paymux.yaml --keep-key --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return r.do(c.Context(), func(in *app.Installation) error { return r.run(c.Context(), in) })
		},
	}
	r.flags(c)
	c.Flags().BoolVar(&r.keepKey, "keep-key", false, "make no new key, only encrypt again what is not under the first one")
	c.Flags().BoolVar(&r.dropOld, "drop-old", false, "make no new key and take the older ones out of the key file")
	c.MarkFlagsMutuallyExclusive("keep-key", "drop-old")
	return c
}

func (r *rotation) run(ctx context.Context, in *app.Installation) error {
	secrets := in.Config.Secrets
	if !secrets.MasterKey.IsZero() {
		if !r.keepKey {
			return errors.New("the master key is in the environment or the configuration, where no command can change it: put a new key there " +
				"and the old one into a file of secrets.previous_master_key_files, start serve again, then run paymux secrets rotate --keep-key")
		}
		report, err := in.Merchants.RotateMasterKey(ctx)
		if err != nil {
			return err
		}
		return r.done(ctx, in, rotationResult{Resealed: report.Resealed, Current: report.Current})
	}
	// One rotation after the other: the next one's key must not take the place of
	// one that something is already encrypted under.
	unlock, err := keyfile.Lock(secrets.MasterKeyFile)
	if err != nil {
		return err
	}
	defer unlock()
	result, err := r.rotate(ctx, in)
	if err != nil {
		return err
	}
	return r.done(ctx, in, result)
}

// done keeps that the master key was rotated, and says so.
func (r *rotation) done(ctx context.Context, in *app.Installation, result rotationResult) error {
	detail := map[string]any{"master_key": result.MasterKey, "resealed": result.Resealed, "dropped_keys": result.Dropped}
	if err := r.acted(ctx, in, "master_key.rotate", "", result.MasterKey, detail); err != nil {
		return err
	}
	return r.report(result)
}

func (r *rotation) rotate(ctx context.Context, in *app.Installation) (rotationResult, error) {
	var result rotationResult
	secrets := in.Config.Secrets
	keep := 2
	switch {
	case r.dropOld:
		keep = 1
	case !r.keepKey:
		key, err := keyfile.AddKey(secrets.MasterKeyFile, rand.Reader)
		if err != nil {
			return result, err
		}
		result.MasterKey = key.ID
	}
	box, err := keyfile.Open(secrets.MasterKeyFile, secrets.PreviousMasterKeyFiles...)
	if err != nil {
		return result, err
	}
	deps := in.Merchants.Deps
	deps.Box = box
	service, err := merchant.New(deps)
	if err != nil {
		return result, err
	}
	report, err := service.RotateMasterKey(ctx)
	if err != nil {
		return result, fmt.Errorf("%w; the older keys stay in %s, run the command again", err, secrets.MasterKeyFile)
	}
	result.Resealed, result.Current = report.Resealed, report.Current
	if !r.keepKey {
		if result.Dropped, err = keyfile.Keep(secrets.MasterKeyFile, keep); err != nil {
			return result, err
		}
	}
	keys, err := keyfile.Read(secrets.MasterKeyFile)
	result.Kept = len(keys)
	return result, err
}

func (r *rotation) report(result rotationResult) error {
	return r.print(result, func(out *tabwriter.Writer) {
		if result.MasterKey != "" {
			row(out, "new master key", result.MasterKey)
		}
		row(out, "encrypted again", result.Resealed)
		row(out, "already current", result.Current)
		if result.Dropped > 0 {
			row(out, "keys taken out", result.Dropped)
		}
		if result.Kept > 1 {
			row(out, "the key before stays in the file; take it out later with: paymux secrets rotate --drop-old")
		}
	})
}
