package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/reconcile"
)

// steps says for people what a run does.
var steps = map[reconcile.Step]string{
	reconcile.StepWait:   "waiting for another run of this day, or for the lease of one that died",
	reconcile.StepFetch:  "fetching the bill",
	reconcile.StepRead:   "reading the bill",
	reconcile.StepLocal:  "reading our books",
	reconcile.StepMatch:  "matching",
	reconcile.StepRepair: "asking the channel about differences",
}

// progress shows how far runs are: on a terminal in one line that changes,
// elsewhere in a line for each step.
type progress struct {
	out      io.Writer
	terminal bool
	quiet    bool
	account  string
	last     reconcile.Step
}

// newProgress shows on w. Machines that read JSON are told nothing on the way,
// unless a person watches on a terminal.
func newProgress(w io.Writer, asJSON bool) *progress {
	terminal := false
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return &progress{out: w, terminal: terminal, quiet: asJSON && !terminal}
}

func (p *progress) begin(a reconcile.Account) {
	p.account, p.last = a.Channel+" "+a.ID, ""
}

func (p *progress) step(now reconcile.Progress) {
	what, known := steps[now.Step]
	if p.quiet || !known {
		return
	}
	if p.terminal {
		_, _ = fmt.Fprintf(p.out, "\r\x1b[2K%s: %s%s", p.account, what, howFar(now))
		return
	}
	if now.Step != p.last {
		_, _ = fmt.Fprintf(p.out, "%s: %s\n", p.account, what)
	}
	p.last = now.Step
}

func (p *progress) end(result string) {
	if p.quiet {
		return
	}
	if p.terminal {
		_, _ = fmt.Fprint(p.out, "\r\x1b[2K")
	}
	_, _ = fmt.Fprintf(p.out, "%s: %s\n", p.account, result)
}

func (p *progress) statement(merchantID string) {
	if !p.quiet {
		_, _ = fmt.Fprintf(p.out, "merchant %s: writing the statement\n", merchantID)
	}
}

func howFar(now reconcile.Progress) string {
	unit := " rows"
	if now.Step == reconcile.StepFetch {
		unit = " bytes"
	}
	switch {
	case now.Done == 0:
		return " …"
	case now.Total > 0:
		return fmt.Sprintf(", %s of %s%s", grouped(now.Done), grouped(now.Total), unit)
	default:
		return ", " + grouped(now.Done) + unit
	}
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// printResults writes the table, or JSON.
func (env *environment) printResults(day channels.Day, results []accountResult, asJSON bool) error {
	if asJSON {
		return env.printJSON(struct {
			Date            channels.Day    `json:"date"`
			Reconciliations []accountResult `json:"reconciliations"`
		}{day, results})
	}
	table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "CHANNEL\tACCOUNT\tVERSION\tSTATUS\tMATCHED\tOPEN\tREPAIRED\tRESOLVED\tOUR NET\tCHANNEL'S NET\n")
	for _, r := range results {
		ours, theirs := "-", "-"
		if r.finished() {
			ours, theirs = major(r.Totals.Ours.Net, r.Totals.Currency), major(r.Totals.Theirs.Net, r.Totals.Currency)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n",
			r.Channel, r.AccountID, r.Version, r.Status, r.Matched, r.Open, r.Repaired, r.Resolved, ours, theirs)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		if why := reason(r); why != "" {
			_, _ = fmt.Fprintf(env.stderr, "%s %s: %s\n", r.Channel, r.AccountID, why)
		}
	}
	return nil
}

// reason says why there is no result.
func reason(r accountResult) string {
	switch {
	case r.Error != "":
		return r.Error
	case r.finished():
		return ""
	case r.Failure != nil:
		return *r.Failure
	case r.Status == reconcile.StatusPending:
		return "the bill is not there yet; try again later"
	default:
		return "the bill is broken"
	}
}

// major writes an amount, negative ones too.
func major(minor int64, c money.Currency) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	a, err := money.New(minor, c)
	if err != nil {
		return sign + strconv.FormatInt(minor, 10)
	}
	return sign + a.Major() + " " + string(c)
}
