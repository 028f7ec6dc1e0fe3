package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/router"
)

func newRoutesCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "routes",
		Short: "Show, check, set and try out merchants' routing rules",
		Long: "Rules say which of a merchant's accounts take which payments, and by which strategy; docs/routing.md explains them.\n" +
			"A running serve follows a change within routing.reload, without a restart; old versions are kept.",
		Example: example("paymux routes check --merchant mer_01… --file rules.yaml",
			"paymux routes replay --merchant mer_01… --file rules.yaml",
			"paymux routes set --merchant mer_01… --file rules.yaml --reason 'night traffic to the second account'"),
		RunE: needSubcommand,
	}
	c.AddCommand(newRoutesShowCommand(env), newRoutesCheckCommand(env), newRoutesSetCommand(env), newRoutesHistoryCommand(env), newRoutesReplayCommand(env))
	return c
}

// routes is one run of a command on rules.
type routes struct {
	work
	file    string
	version int64
}

func (r *routes) flagsFor(c *cobra.Command, fileHelp string) {
	r.flags(c)
	r.requireMerchant(c)
	if fileHelp != "" {
		c.Flags().StringVar(&r.file, "file", "", fileHelp)
	}
}

// document reads the file with the rules.
func (r *routes) document() (string, error) {
	in := r.env.stdin
	if r.file != "-" {
		f, err := os.Open(r.file)
		if err != nil {
			return "", &usageError{fmt.Errorf("read the rules: %w", err)}
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, app.MaxRulesDocument+1))
	if err != nil {
		return "", fmt.Errorf("read the rules: %w", err)
	}
	return string(text), nil
}

// revisionView is a version of rules as the commands show it.
type revisionView struct {
	MerchantID string    `json:"merchant_id"`
	Version    int64     `json:"version"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	Actor      string    `json:"actor"`
	Note       string    `json:"reason"`
	Document   string    `json:"document,omitempty"`
}

func viewRevision(r router.Revision) revisionView {
	return revisionView{
		MerchantID: r.MerchantID, Version: r.Version, CreatedAt: r.CreatedAt, Actor: r.Actor, Note: r.Note, Document: r.Document,
	}
}

func newRoutesShowCommand(env *environment) *cobra.Command {
	r := &routes{work: work{env: env}}
	c := &cobra.Command{
		Use: "show", Short: "Show the rules that hold, or an older version", Args: cobra.NoArgs,
		Example: example("paymux routes show --merchant mer_01…",
			"paymux routes show --merchant mer_01… --version 3 | paymux routes set --merchant mer_01… --file -"),
		RunE: func(c *cobra.Command, _ []string) error {
			return r.do(c.Context(), func(in *app.Installation) error { return r.show(c.Context(), in) })
		},
	}
	r.flagsFor(c, "")
	c.Flags().Int64Var(&r.version, "version", 0, "version to show (default: the one that holds)")
	return c
}

func (r *routes) show(ctx context.Context, in *app.Installation) error {
	revision, err := in.RulesRevision(ctx, r.merchantID, r.version)
	switch {
	case errors.Is(err, payment.ErrNotFound) && r.version == 0:
		return r.print(revisionView{MerchantID: r.merchantID}, func(out *tabwriter.Writer) {
			row(out, "# no rules: payments are shared out among all accounts by their weights")
		})
	case errors.Is(err, payment.ErrNotFound):
		return fmt.Errorf("there is no version %d of the rules; see paymux routes history --merchant %s", r.version, r.merchantID)
	case err != nil:
		return err
	}
	if r.json {
		return r.env.printJSON(viewRevision(revision))
	}
	_, err = fmt.Fprintf(r.env.stdout, "# version %d, set %s by %s%s\n%s\n", revision.Version, revision.CreatedAt.Format(time.RFC3339),
		revision.Actor, noteOf(revision), strings.TrimRight(withoutBanner(revision.Document), "\n"))
	return err
}

// bannerStart begins the line that show puts before a document.
const bannerStart = "# version "

// withoutBanner leaves out the line that show put before the document when it
// was taken from there.
func withoutBanner(document string) string {
	if first, rest, ok := strings.Cut(document, "\n"); ok && strings.HasPrefix(first, bannerStart) && strings.Contains(first, ", set ") {
		return rest
	}
	return document
}

func noteOf(r router.Revision) string {
	if r.Note == "" {
		return ""
	}
	return ": " + strings.Join(strings.Fields(r.Note), " ")
}

func newRoutesHistoryCommand(env *environment) *cobra.Command {
	r := &routes{work: work{env: env}}
	var limit int
	c := &cobra.Command{
		Use: "history", Short: "List the versions of a merchant's rules, newest first", Args: cobra.NoArgs,
		Example: example("paymux routes history --merchant mer_01…", "paymux routes history --merchant mer_01… --before 12 --limit 5 --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 || limit > maxAuditPage {
				return &usageError{fmt.Errorf("--limit %d: it must be 1 to %d", limit, maxAuditPage)}
			}
			return r.do(c.Context(), func(in *app.Installation) error {
				list, err := in.RulesHistory(c.Context(), r.merchantID, r.version, limit)
				if err != nil {
					return err
				}
				views := make([]revisionView, len(list))
				for i, revision := range list {
					views[i] = viewRevision(revision)
				}
				return r.print(map[string]any{"data": views}, func(out *tabwriter.Writer) {
					row(out, "VERSION", "SET", "BY", "REASON")
					for _, v := range views {
						row(out, v.Version, v.CreatedAt.Format(time.RFC3339), v.Actor, orDash(strings.Join(strings.Fields(v.Note), " ")))
					}
				})
			})
		},
	}
	r.flagsFor(c, "")
	c.Flags().IntVar(&limit, "limit", 20, "how many at most")
	c.Flags().Int64Var(&r.version, "before", 0, "only versions below this one")
	return c
}
