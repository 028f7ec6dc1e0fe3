package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/payment"
)

// maxActorName bounds the name of the operating system's user, in characters.
const maxActorName = 56

// actor is who the audit trail says ran a command.
func actor() string {
	name := fmt.Sprintf("uid-%d", os.Getuid())
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = strings.ToValidUTF8(u.Username, "?")
	}
	if utf8.RuneCountInString(name) > maxActorName {
		name = string([]rune(name)[:maxActorName])
	}
	return "cli:" + name
}

// operation is what the operator's commands have in common: the installation,
// what they are about and why.
type operation struct {
	work
	id     string
	reason string
}

// flagsFor defines the common flags; reason is needed where something changes.
func (o *operation) flagsFor(c *cobra.Command, what string, changes bool) {
	o.flags(c)
	if what != "" {
		c.Flags().StringVar(&o.id, "id", "", what)
		require(c, "id")
	}
	if changes {
		c.Flags().StringVar(&o.reason, "reason", "", "why, for the audit trail")
		require(c, "reason")
	}
}

// act runs a piece of work on the core.
func (o *operation) act(ctx context.Context, fn func(ctx context.Context, in *app.Installation, core *payment.Service) error) error {
	return o.do(ctx, func(in *app.Installation) error {
		url, err := o.publicURL(in)
		if err != nil {
			return err
		}
		return refused(fn(payment.WithReason(ctx, o.reason), in, in.Operator(url)))
	})
}

// publicURL is where channels reach the gateway; empty where nothing tells.
func (o *operation) publicURL(in *app.Installation) (string, error) {
	kept, err := o.serving(in.Config)
	if err != nil {
		return "", err
	}
	if in.Config.Server.PublicURL != "" {
		return strings.TrimRight(in.Config.Server.PublicURL, "/"), nil
	}
	return kept.API, nil
}

// needsPublicURL refuses to send anything to a channel that would not know where
// its callback goes.
func (o *operation) needsPublicURL(in *app.Installation) error {
	url, err := o.publicURL(in)
	if err == nil && url == "" {
		err = errors.New("nothing tells where channels send their callbacks: set server.public_url in the configuration")
	}
	return err
}

// refused makes what the caller gave wrong a usage error.
func refused(err error) error {
	if e, ok := errors.AsType[*payment.Error](err); ok && e.Code == payment.CodeInvalidRequest {
		return &usageError{err}
	}
	return err
}

// moment reads a time of a flag; empty is the zero time.
func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, &usageError{fmt.Errorf("--%s %q: it must be a time such as 2026-11-21T09:30:00+08:00", flag, text)}
	}
	return at, nil
}

// acted keeps an act in the audit trail that has been done.
func (w *work) acted(ctx context.Context, in *app.Installation, action, merchantID, subject string, detail map[string]any) error {
	if detail == nil {
		detail = map[string]any{}
	}
	text, err := json.Marshal(detail)
	if err == nil {
		err = in.DB.RecordAudit(ctx, in.Audit(actor(), action, merchantID, subject, string(text)))
	}
	if err != nil {
		return fmt.Errorf("%s is done, but the audit trail does not hold it: %w", action, err)
	}
	return nil
}
