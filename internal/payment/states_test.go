package payment_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paymux/paymux/internal/payment"
)

var update = flag.Bool("update", false, "write docs/states.md from the tables")

const statesDocument = "../../docs/states.md"

// A table names the statuses in the order of the document.
type table struct {
	title, initial string
	statuses       []string
	meaning        map[string]string
	moves          map[string][]string
	events         map[string]string
}

func strs[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = string(v)
	}
	return out
}

func movesOf[T ~string](in map[T][]T) map[string][]string {
	out := map[string][]string{}
	for from, to := range in {
		out[string(from)] = strs(to)
	}
	return out
}

func eventsOf[T ~string](in map[T]payment.EventType) map[string]string {
	out := map[string]string{}
	for s, e := range in {
		out[string(s)] = string(e)
	}
	return out
}

func tables() []table {
	return []table{
		{
			title: "Payment", initial: "processing",
			statuses: strs([]payment.Status{payment.Processing, payment.Pending, payment.Succeeded, payment.Failed, payment.Closed, payment.Unsent}),
			meaning: map[string]string{
				"processing": "The outcome is not certain: an order is being placed, or nobody knows whether it was.",
				"pending":    "The payer must act.",
				"succeeded":  "Money was taken, and it counts.",
				"failed":     "The channel refused finally.",
				"closed":     "It takes no money any more, or what comes is late.",
				"unsent":     "Every account that was tried is proven to have done nothing. Never shown; the same order number is tried anew.",
			},
			moves: movesOf(payment.PaymentTransitions), events: eventsOf(payment.PaymentEvents),
		},
		{
			title: "Attempt", initial: "dispatched",
			statuses: strs([]payment.AttemptStatus{
				payment.AttemptDispatched, payment.AttemptUnknown, payment.AttemptPending, payment.AttemptSucceeded,
				payment.AttemptDeclined, payment.AttemptNotProcessed, payment.AttemptClosed, payment.AttemptReversed,
			}),
			meaning: map[string]string{
				"dispatched":    "Committed, and its owner is calling the channel.",
				"unknown":       "A byte left and no answer settled it.",
				"pending":       "The order waits for its payer.",
				"succeeded":     "The channel took the money.",
				"declined":      "The channel refused finally.",
				"not_processed": "Proven without effect by the call that dialled.",
				"closed":        "Confirmed closed, or watched until `late_until`.",
				"reversed":      "Taken and given back in full by a reversal.",
			},
			moves: movesOf(payment.AttemptTransitions),
		},
		{
			title: "Refund", initial: "pending",
			statuses: strs([]payment.RefundStatus{payment.RefundPending, payment.RefundProcessing, payment.RefundSucceeded, payment.RefundFailed}),
			meaning: map[string]string{
				"pending":    "Waiting to be sent: its turn has not come, or its channel cannot be reached.",
				"processing": "Sent, not settled. A merchant's refund starts here where it can be sent at once.",
				"succeeded":  "The money went back.",
				"failed":     "The channel refused finally; its reservation is released.",
			},
			moves: movesOf(payment.RefundTransitions), events: eventsOf(payment.RefundEvents),
		},
	}
}

// render writes the tables as Markdown between the document's marks.
func (tb table) render() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| from \\ to |")
	for _, to := range tb.statuses {
		fmt.Fprintf(&b, " %s |", to)
	}
	fmt.Fprintf(&b, "\n| --- |%s\n", strings.Repeat(" --- |", len(tb.statuses)))
	for _, from := range tb.statuses {
		fmt.Fprintf(&b, "| **%s** |", from)
		for _, to := range tb.statuses {
			mark := " "
			if slices.Contains(tb.moves[from], to) {
				mark = "→"
			}
			fmt.Fprintf(&b, " %s |", mark)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n```mermaid\nstateDiagram-v2\n")
	fmt.Fprintf(&b, "    [*] --> %s\n", tb.initial)
	for _, from := range tb.statuses {
		for _, to := range tb.moves[from] {
			fmt.Fprintf(&b, "    %s --> %s\n", from, to)
		}
	}
	b.WriteString("```\n\n| status | means | event on arrival |\n| --- | --- | --- |\n")
	for _, s := range tb.statuses {
		event := "–"
		if e := tb.events[s]; e != "" {
			event = "`" + e + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s, tb.meaning[s], event)
	}
	return b.String()
}

// marks are where a table stands in the document.
func (tb table) marks() (begin, end string) {
	return "<!-- table " + tb.title + " -->\n", "<!-- end " + tb.title + " -->\n"
}

func TestInvariant_4_TheDocumentShowsTheTables(t *testing.T) {
	doc, err := os.ReadFile(statesDocument)
	if err != nil {
		t.Fatalf("read the document: %v", err)
	}
	want := doc
	for _, tb := range tables() {
		begin, end := tb.marks()
		head, rest, ok := bytes.Cut(want, []byte(begin))
		_, tail, ok2 := bytes.Cut(rest, []byte(end))
		if !ok || !ok2 {
			t.Fatalf("the document has no place for the table %s", tb.title)
		}
		want = slices.Concat(head, []byte(begin+tb.render()+end), tail)
	}
	if bytes.Equal(doc, want) {
		return
	}
	if !*update {
		t.Fatalf("docs/states.md disagrees with the tables; run: go test ./internal/payment -run TheDocumentShowsTheTables -update")
	}
	if err := os.WriteFile(statesDocument, want, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestInvariant_4_TheTablesAreTotalAndClosed(t *testing.T) {
	for _, tb := range tables() {
		if len(tb.moves) != len(tb.statuses) {
			t.Errorf("%s: %d statuses have a row, %d exist", tb.title, len(tb.moves), len(tb.statuses))
		}
		reached := map[string]bool{tb.initial: true}
		for from, tos := range tb.moves {
			for _, to := range tos {
				if !slices.Contains(tb.statuses, to) || to == from {
					t.Errorf("%s: %s moves to %s", tb.title, from, to)
				}
				reached[to] = true
			}
			if tb.meaning[from] == "" {
				t.Errorf("%s: %s is not explained", tb.title, from)
			}
		}
		if len(reached) != len(tb.statuses) {
			t.Errorf("%s: some status is never reached", tb.title)
		}
	}
	// What the words of the contract demand of the ends.
	if to := payment.PaymentTransitions[payment.Succeeded]; len(to) != 0 {
		t.Errorf("a payment leaves succeeded for %v", to)
	}
	for _, end := range []payment.Status{payment.Failed, payment.Closed} {
		if to := payment.PaymentTransitions[end]; !slices.Equal(to, []payment.Status{payment.Succeeded}) {
			t.Errorf("a payment leaves %s for %v", end, to)
		}
	}
	if slices.Contains(payment.AttemptTransitions[payment.AttemptUnknown], payment.AttemptNotProcessed) {
		t.Error("an unknown attempt could become not processed")
	}
}
