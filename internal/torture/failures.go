package torture

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/failpoint"
)

// Side is on which side of a step a process dies.
type Side string

// The sides.
const (
	Before Side = "before"
	After  Side = "after"
)

// Outcome is how the channel takes the call that a case is about.
type Outcome string

// The outcomes.
const (
	OK       Outcome = "ok"
	Declined Outcome = "declined"
	// TimedOutDone: the channel did it and its answer was lost; a payment is paid.
	TimedOutDone Outcome = "timed out, done"
	// TimedOutIdle: the call was lost; a payment is not paid by it.
	TimedOutIdle Outcome = "timed out, not done"
)

// Outcomes lists the outcomes.
func Outcomes() []Outcome { return []Outcome{OK, Declined, TimedOutDone, TimedOutIdle} }

// Case is one process's death at one step with one outcome of the channel.
type Case struct {
	Step    failpoint.Step
	Side    Side
	Outcome Outcome
}

// String names the case.
func (c Case) String() string { return fmt.Sprintf("%s %s, channel %s", c.Side, c.Step, c.Outcome) }

// Cases lists every case that can happen, and why others can't.
func Cases() (possible []Case, impossible map[Case]string) {
	impossible = map[Case]string{}
	for _, e := range failpoint.Steps() {
		row, planned := stories[e.Step]
		if !planned {
			continue
		}
		for _, side := range []Side{Before, After} {
			for _, outcome := range Outcomes() {
				c := Case{e.Step, side, outcome}
				if why := row.never[outcome]; why != "" {
					impossible[c] = why
				} else {
					possible = append(possible, c)
				}
			}
		}
	}
	return possible, impossible
}

// Quick leaves out the cases in which a barcode's limit of half a minute may have
// to pass: the order never arrived, or its channel doesn't tell of what it
// declined.
func Quick(cases []Case) []Case {
	unsent := map[Case]bool{
		{Step: failpoint.PaymentInsert, Side: After}: true, {Step: failpoint.PaymentRevive, Side: After}: true, {Step: failpoint.ChannelPay, Side: Before}: true,
	}
	paying := []failpoint.Step{
		failpoint.PaymentInsert, failpoint.PaymentRevive, failpoint.ChannelPay, failpoint.PaymentAnswer,
		failpoint.ChangeEvent, failpoint.ChangePayment, failpoint.StoreCommit,
	}
	return slices.DeleteFunc(slices.Clone(cases), func(c Case) bool {
		return c.Outcome == Declined && slices.Contains(paying, c.Step) || c.Outcome != TimedOutIdle && unsent[Case{Step: c.Step, Side: c.Side}]
	})
}

// Sample draws n of the cases by the seed, so that several runs see all.
func Sample(cases []Case, seed uint64, n int) []Case {
	key := func(c Case) uint64 {
		h := fnv.New64a()
		_, _ = fmt.Fprintf(h, "%d %s", seed, c)
		return h.Sum64()
	}
	drawn := slices.Clone(cases)
	slices.SortFunc(drawn, func(a, b Case) int { return cmp.Compare(key(a), key(b)) })
	return drawn[:min(n, len(drawn))]
}

// CaseResult is what came of a case.
type CaseResult struct {
	Case Case
	// Died tells that a gateway died at the step; a case in which none did says
	// nothing.
	Died bool
	Took time.Duration
	// Anomalies are those that were not there before the case.
	Anomalies []Anomaly
	// History tells all that is known of the orders of a case that failed.
	History string
}

// Failed reports whether the case says nothing or nothing good.
func (r CaseResult) Failed() bool { return !r.Died || len(r.Anomalies) > 0 }

// CaseReport is the table of the cases, in Markdown; the last line is the number
// of anomalies.
func CaseReport(results []CaseResult) string {
	marks := map[Case]string{}
	_, impossible := Cases()
	for c := range impossible {
		marks[c] = "–"
	}
	anomalies, unreached, died := 0, 0, 0
	var failed strings.Builder
	for _, r := range results {
		marks[r.Case] = "ok"
		switch {
		case !r.Died:
			marks[r.Case] = "not reached"
			unreached++
		case len(r.Anomalies) > 0:
			marks[r.Case] = fmt.Sprintf("%d anomalies", len(r.Anomalies))
		}
		if r.Died {
			died++
		}
		anomalies += len(r.Anomalies)
		if r.Failed() {
			fmt.Fprintf(&failed, "FAILED %s (died %t)\n", r.Case, r.Died)
			for _, a := range r.Anomalies {
				fmt.Fprintf(&failed, "  ANOMALY %s\n", a)
			}
			failed.WriteString(r.History)
		}
	}
	var out strings.Builder
	out.WriteString("| step |")
	for _, side := range []Side{Before, After} {
		for _, o := range Outcomes() {
			fmt.Fprintf(&out, " %s: %s |", side, o)
		}
	}
	out.WriteString("\n|" + strings.Repeat(" --- |", 1+2*len(Outcomes())) + "\n")
	for _, e := range failpoint.Steps() {
		if _, planned := stories[e.Step]; !planned {
			continue
		}
		fmt.Fprintf(&out, "| `%s` |", e.Step)
		for _, side := range []Side{Before, After} {
			for _, o := range Outcomes() {
				fmt.Fprintf(&out, " %s |", marks[Case{e.Step, side, o}])
			}
		}
		out.WriteString("\n")
	}
	out.WriteString(failed.String())
	fmt.Fprintf(&out, "cases = %d, died at their step = %d, not reached = %d\nanomalies = %d\n", len(results), died, unreached, anomalies)
	return out.String()
}
