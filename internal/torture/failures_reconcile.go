package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/paymux/paymux/internal/failpoint"
)

// reconcilePace lets a day be taken over from whoever died at it.
const reconcilePace = hastyPace + `
reconciliation: {lease: 2s, busy_wait: 30s, edge_margin: 1s}
`

// judgedAfter is beyond the edge margin, with times that are whole seconds, and
// beyond a call's time limit and margin.
const judgedAfter = 2500 * time.Millisecond

// reconciling are the steps of closing a day's books.
var reconciling = []failpoint.Step{
	failpoint.BillFetch, failpoint.BillKeep, failpoint.BillMatch, failpoint.BillRepair,
	failpoint.ReconcileSave, failpoint.ReconcileFinish, failpoint.StatementSave,
}

// Apart lists the steps that no outcome of a payment meets: [DieMigrating] and
// [DieReconciling] try them.
func Apart() []failpoint.Step {
	return append([]failpoint.Step{failpoint.MigrationStep}, reconciling...)
}

// DieReconciling lets the command that closes a day's books die before and after
// each of its steps, beside running gateways, and runs it again. Each time there
// is new business, a refund among it that only the bill can settle.
func DieReconciling(ctx context.Context, world World, say func(string, ...any)) error {
	s := &scene{world: world, pace: reconcilePace}
	s.opts = Options{Seed: 1}.withDefaults()
	defer s.close()
	if err := s.open(ctx); err != nil {
		return fmt.Errorf("torture: bring the installation up: %w", err)
	}
	l := &lane{scene: s, file: filepath.Join(world.Dir, "failpoint"), known: map[string]bool{}, patience: time.Minute}
	if _, err := s.sim.call(ctx, http.MethodPost, "/_control/clock", map[string]any{"advance": "26h"}, nil); err != nil {
		return err
	}
	for _, step := range reconciling {
		for _, side := range []Side{Before, After} {
			d := &drive{lane: l, c: Case{Step: step, Side: side}, number: len(l.shoppers)}
			if err := d.dieReconciling(ctx); err != nil {
				return fmt.Errorf("torture: %s %s: %w; logs: %s", side, step, err, world.Dir)
			}
			say("ok %s %s", side, step)
		}
	}
	return nil
}

func (d *drive) dieReconciling(ctx context.Context) error {
	day, err := d.business(ctx)
	if err == nil {
		err = d.arm(1)
	}
	if err != nil {
		return err
	}
	_, first := d.reconcile(ctx, day)
	switch {
	case !d.hit():
		return fmt.Errorf("the step was not reached: %w", first)
	case first == nil:
		return errors.New("the process went on after the step at which it was to die")
	}
	again, err := d.reconcile(ctx, day)
	if err != nil {
		return err
	}
	for _, r := range again {
		if r.Error != "" || r.Status != "balanced" || string(r.Totals.Ours) != string(r.Totals.Theirs) {
			return fmt.Errorf("the books of %s do not balance: %+v", r.Channel, r)
		}
	}
	once, err := d.reconcile(ctx, day)
	if err != nil {
		return err
	}
	for i := range once {
		if once[i].Version != again[i].Version {
			return fmt.Errorf("closing the same books again made version %d of %d for %s", once[i].Version, again[i].Version, once[i].Channel)
		}
	}
	var r CaseResult
	if err := d.settle(ctx, &r); err != nil || len(r.Anomalies) > 0 {
		return errors.Join(err, fmt.Errorf("%v\n%s", r.Anomalies, r.History))
	}
	return d.decided(ctx)
}

// business makes a paid order at each channel and a refund that never arrives at
// the one that can't tell. It gives the day.
func (d *drive) business(ctx context.Context) (day string, err error) {
	for _, channel := range []string{"alipay", "wechatpay", "unionpay"} {
		s, got, err := d.paid(ctx, channel)
		if err == nil && channel == "unionpay" {
			err = errors.Join(d.fault(ctx, channel, "refund", "hang_before"), d.returned(ctx, s, got.ID))
		}
		if err != nil {
			return "", err
		}
	}
	var r CaseResult
	if err := d.settle(ctx, &r); err != nil || len(r.Anomalies) > 0 {
		return "", errors.Join(err, fmt.Errorf("%v", r.Anomalies))
	}
	// A refund is judged by the file only when its call is over for certain, and
	// outside the margin between two clocks.
	if !pause(ctx, judgedAfter) {
		return "", context.Cause(ctx)
	}
	const shanghai = 8 * 60 * 60
	return now().In(time.FixedZone("CST", shanghai)).Format(time.DateOnly), nil
}

// decided checks that no refund waits for the bill any more.
func (d *drive) decided(ctx context.Context) error {
	b, err := d.read(ctx)
	if err != nil {
		return err
	}
	if v := Check(b); v.AwaitFile > 0 {
		return fmt.Errorf("%d refunds wait for a bill that has been read", v.AwaitFile)
	}
	return nil
}

// closedBooks is what the command prints of an account's day.
type closedBooks struct {
	Channel string `json:"channel"`
	Version int    `json:"version"`
	Status  string `json:"status"`
	Error   string `json:"error"`
	Totals  struct {
		Ours   json.RawMessage `json:"ours"`
		Theirs json.RawMessage `json:"theirs"`
	} `json:"totals"`
}

// reconcile runs the command with the failpoint.
func (d *drive) reconcile(ctx context.Context, day string) ([]closedBooks, error) {
	out, err := runWith(ctx, []string{"FAILPOINTS_FILE=" + d.file}, d.world.Binary,
		"reconcile", "--date", day, "--config", filepath.Join(d.world.Dir, "paymux.yaml"), "--json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Reconciliations []closedBooks `json:"reconciliations"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("reconcile --json printed %q: %w", out, err)
	}
	if len(list.Reconciliations) == 0 {
		return nil, fmt.Errorf("reconcile --json printed no account: %q", out)
	}
	return list.Reconciliations, nil
}
