package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/signing"
)

func newCallCommand(env *environment) *cobra.Command {
	var profileFile, data string
	c := &cobra.Command{
		Use:   "call METHOD PATH",
		Short: "Send a signed request as a merchant and verify the signed answer",
		Long: "Signs the request with the profile's key, verifies the answer's signature and prints its body,\n" +
			"a problem document too. Exits with 0 on 2xx and with 1 otherwise.",
		Example: example(
			`export PAYMUX_PROFILE=data/profile.json`,
			`paymux call POST /v1/payments -d '{"merchant_order_no":"order-1","amount":100,"subject":"Tea","scene":"qr"}'`,
			`paymux call GET /v1/payments?merchant_order_no=order-1`,
		),
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if profileFile == "" {
				profileFile = env.getenv("PAYMUX_PROFILE")
			}
			if profileFile == "" {
				return &usageError{errors.New("no profile: give --profile FILE or set PAYMUX_PROFILE to the file of the ready line's fields")}
			}
			body, err := env.requestBody(data)
			if err != nil {
				return err
			}
			return env.call(c.Context(), profileFile, strings.ToUpper(args[0]), args[1], body)
		},
	}
	c.Flags().StringVar(&profileFile, "profile", "", "file with the fields of the ready line (default: the file named by PAYMUX_PROFILE)")
	c.Flags().StringVarP(&data, "data", "d", "", "JSON body, @FILE to read it from a file, @- from stdin")
	return c
}

// requestBody is the body that -d names.
func (env *environment) requestBody(data string) ([]byte, error) {
	path, fromFile := strings.CutPrefix(data, "@")
	switch {
	case data == "":
		return nil, nil
	case !fromFile:
		return []byte(data), nil
	case path == "-":
		return io.ReadAll(env.stdin)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the path is the user's own choice
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	return text, nil
}

// maxFile bounds what is read of an answer: statements are the largest ones.
const maxFile = 1 << 30

func (env *environment) call(ctx context.Context, profileFile, method, target string, body []byte) error {
	p, err := readProfile(profileFile)
	if err != nil {
		return err
	}
	client, err := p.client()
	if err != nil {
		return err
	}
	// Whoever holds one of the platform's keys learns the others from a list that
	// is signed with each; the answer may be signed with any of them.
	keys, err := client.FetchPlatformKeys(ctx)
	if err != nil {
		return fmt.Errorf("ask for the platform's keys: %w", err)
	}
	client.PlatformKeys, client.MaxAnswerBytes = keys, maxFile
	answer, err := client.Do(ctx, method, target, body)
	var unverified *signing.UnverifiedError
	if errors.As(err, &unverified) {
		_, _ = fmt.Fprintf(env.stderr, "%s\n", unverified.Answer.Body)
	}
	if err != nil {
		return err
	}
	printed := answer.Body
	if answer.Header.Get(signing.HeaderContentSHA256) == "" { // a file is printed as it is
		printed = append(bytes.TrimRight(printed, "\n"), '\n')
	}
	if _, err := env.stdout.Write(printed); err != nil {
		return err
	}
	if !answer.Signed {
		_, _ = fmt.Fprintf(env.stderr, "paymux: %d, not signed: refused before the request's signature held\n", answer.Status)
	}
	if answer.Status/100 != 2 {
		return errReported
	}
	return nil
}
