package torture_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/torture"
)

// brokenEnv makes the test try every broken build, when it is "all".
const brokenEnv = "PAYMUX_TORTURE_BROKEN"

// edit replaces a piece of a source file that must be there exactly once.
type edit struct{ file, old, new string }

// breach is a build with one invariant broken on purpose.
type breach struct {
	name  string
	edits []edit
	// provocation shows it, or a process's death does: dies.
	provocation torture.Provocation
	dies        torture.Case
	// want are the kinds of anomalies of which one at least must be found.
	want []string
	// always: it is tried by every `go test`.
	always bool
}

var breaches = []breach{
	{
		name: "refunds reserve without a condition", always: true,
		edits: []edit{{
			"store/payment.go", "WHERE id = ? AND reserved_minor + ? <= paid_minor`, minor, paymentID, minor))",
			"WHERE id = ? AND ? > 0`, minor, paymentID, minor))",
		}},
		provocation: torture.ManyRefunds, want: []string{torture.OverRefund},
	},
	{
		name: "an unknown outcome goes on to another channel",
		edits: []edit{{
			"internal/payment/place.go", "(outcome == channels.NotProcessed || outcome == channels.Misconfigured)",
			"(outcome == channels.NotProcessed || outcome == channels.Misconfigured || outcome == channels.Unknown)",
		}},
		provocation: torture.LostAnswers, want: []string{torture.FalseDenial},
	},
	{
		name: "an unknown outcome is booked as a failure",
		edits: []edit{{
			"internal/payment/place.go", "\t\tdefault:\n\t\t\treturn c.uncertain(ctx, a, callErr)",
			"\t\tdefault:\n\t\t\treturn c.declined(ctx, a, failureOf(callErr))",
		}},
		provocation: torture.LostPaid, want: []string{torture.LostCharge},
	},
	{
		name: "a webhook counts as delivered before it is sent", always: true,
		edits: []edit{{
			"notify/send.go", "{ return a.status >= 200 && a.status < 300 }", "{ return true }",
		}},
		provocation: torture.DeafMerchant, want: []string{torture.MissingEvent},
	},
	{
		name:        "a success raises no event",
		edits:       []edit{{"internal/payment/move.go", "\tSucceeded: PaymentSucceeded,\n", ""}},
		provocation: torture.PlainPayment, want: []string{torture.MissingEvent},
	},
	{
		name: "an event is written after the commit of its change",
		edits: []edit{{
			"internal/payment/move.go", "\tfor _, typ := range c.paymentEvents {\n",
			"\tif len(c.paymentEvents) > 0 {\n\t\tlater := *c\n\t\tc.paymentEvents = nil\n\t\tc.s.later = func(ctx context.Context) error {\n" +
				"\t\t\treturn c.s.Store.InTx(ctx, func(tx Tx) (err error) {\n\t\t\t\tif later.p, err = tx.LockPayment(ctx, later.p.ID); err != nil {\n\t\t\t\t\treturn err\n\t\t\t\t}\n" +
				"\t\t\t\tlater.tx = tx\n\t\t\t\treturn later.flushNow(ctx)\n\t\t\t})\n\t\t}\n\t}\n\treturn c.flushNow(ctx)\n}\n\nfunc (c *change) flushNow(ctx context.Context) error {\n\tfor _, typ := range c.paymentEvents {\n",
		}, {
			"internal/payment/move.go", "\tif err == nil && wake && s.Wake != nil {\n",
			"\tif later := s.later; err == nil && later != nil {\n\t\ts.later = nil\n\t\tif err := later(ctx); err != nil {\n\t\t\treturn err\n\t\t}\n\t}\n\tif err == nil && wake && s.Wake != nil {\n",
		}, {
			"internal/payment/service.go", "type Service struct {\n", "type Service struct {\n\tlater func(context.Context) error\n",
		}},
		dies: torture.Case{Step: failpoint.ChangeEvent, Side: torture.Before, Outcome: torture.OK}, want: []string{torture.MissingEvent},
	},
	{
		name: "an order is closed here and not at the channel",
		edits: []edit{{
			"internal/payment/resolve.go", "\tclosing, err := ch.ClosePayment(callCtx, a.Ref())\n",
			"\tif len(a.ID) > 0 {\n\t\treturn finding{cause: \"close\", known: true, state: channels.PaymentState{Status: channels.StateClosed}}\n\t}\n\tclosing, err := ch.ClosePayment(callCtx, a.Ref())\n",
		}},
		provocation: torture.PlainClose, want: []string{torture.StatusMismatch},
	},
	{
		name: "a callback is applied as often as it comes",
		edits: []edit{{
			"internal/payment/refund_book.go", "\tif r.Status == RefundSucceeded {\n\t\treturn c.saveRefund(ctx, r)\n\t}\n\tif r.Status == RefundFailed && r.Reserved {",
			"\tif r.Status == RefundFailed && r.Reserved {",
		}, {
			"internal/payment/status.go", "RefundSucceeded:  {},", "RefundSucceeded:  {RefundSucceeded},",
		}},
		provocation: torture.ToldTwice, want: []string{torture.RefundMismatch, torture.WrongEvent},
	},
	{
		name: "late money is kept",
		edits: []edit{{
			"internal/payment/settle.go", `return c.startGatewayRefund(ctx, a, "late:"+a.ID, "payment arrived after the order ended", true)`, "return nil",
		}},
		provocation: torture.LatePayer, want: []string{torture.LostCharge},
	},
	{
		name:        "late money is returned whatever the merchant wants",
		edits:       []edit{{"internal/payment/settle.go", "if p.LatePolicy == LateAccept {", "if p.LatePolicy == \"\" {"}},
		provocation: torture.LateAccepted, want: []string{torture.WrongPolicy},
	},
	{
		name:  "nobody takes over what a dead process was at",
		edits: []edit{{"store/claim.go", "WHERE next_check_at <= ? AND lease_until <= ?", "WHERE next_check_at <= ? AND lease_until <= ? AND lease_until = 0"}},
		dies:  torture.Case{Step: failpoint.LeaseClaim, Side: torture.After, Outcome: torture.OK}, want: []string{torture.UnknownLeft, torture.LostCharge},
	},
}

// brokenPatience is how long the books may take to come right. A sound build has
// them right well before.
const (
	brokenPatience = 8 * time.Second
	soundPatience  = 18 * time.Second
)

// TestBrokenBuilds_AreFound holds the proof itself to account: a gateway with
// one invariant broken must not pass.
func TestBrokenBuilds_AreFound(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: building broken gateways takes half a minute")
	}
	for _, b := range breaches {
		if !b.always && os.Getenv(brokenEnv) != "all" {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			found := b.try(t)
			kinds := torture.Kinds(found)
			if !slices.ContainsFunc(b.want, func(kind string) bool { return slices.Contains(kinds, kind) }) {
				t.Fatalf("it passed; found %v, want one of %v", found, b.want)
			}
			t.Logf("CAUGHT as %v, such as: %s", kinds, found[slices.IndexFunc(found, func(a torture.Anomaly) bool { return slices.Contains(b.want, a.Kind) })])
		})
	}
}

func (b breach) try(t *testing.T) []torture.Anomaly {
	t.Helper()
	world := onSQLite(workDir(t))
	world.Binary = b.build(t)
	if b.dies.Step == "" {
		found, err := torture.Provoke(t.Context(), world, []torture.Provocation{b.provocation}, brokenPatience)
		if err != nil {
			t.Fatal(err)
		}
		return found[b.provocation]
	}
	results, err := torture.RunCases(t.Context(), []torture.World{world}, []torture.Case{b.dies}, 1, brokenPatience, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if !results[0].Died {
		t.Fatal("nobody died, so this says nothing")
	}
	return results[0].Anomalies
}

// build makes the broken gateway. What is broken is not in this tree: the
// compiler is given other texts for the files.
func (b breach) build(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	texts := map[string]string{}
	for _, e := range b.edits {
		if _, read := texts[e.file]; !read {
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.file))) //nolint:gosec // this repository's own source
			if err != nil {
				t.Fatal(err)
			}
			texts[e.file] = string(text)
		}
		if n := strings.Count(texts[e.file], e.old); n != 1 {
			t.Fatalf("%s has the piece to break %d times, want once; bring the test up to date: %q", e.file, n, e.old)
		}
		texts[e.file] = strings.Replace(texts[e.file], e.old, e.new, 1)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range texts {
		broken := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(root, filepath.FromSlash(file))] = broken
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-overlay", file}
	if b.dies.Step != "" {
		args = append(args, "-tags", "failpoints")
	}
	binary, err := build("broken-"+strings.ReplaceAll(b.name, " ", "-"), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(binary) })
	return binary
}

// TestSoundBuildPassesProvocations keeps the provocations honest: what catches
// the broken builds must not be the provocation itself.
func TestSoundBuildPassesProvocations(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: the provocations take half a minute")
	}
	tell := torture.Provocations()
	if os.Getenv(brokenEnv) != "all" {
		tell = tell[:0:0]
		for _, b := range breaches {
			if b.always {
				tell = append(tell, b.provocation)
			}
		}
	}
	world := onSQLite(workDir(t))
	var err error
	if world.Binary, err = binary(); err != nil {
		t.Fatal(err)
	}
	found, err := torture.Provoke(t.Context(), world, tell, soundPatience)
	if err != nil {
		t.Fatal(err)
	}
	for p, anomalies := range found {
		if len(anomalies) != 0 {
			t.Errorf("%s: %v", p, anomalies)
		}
	}
}
