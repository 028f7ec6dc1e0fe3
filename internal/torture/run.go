package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// World is the installation that a run takes place in.
type World struct {
	// Binary is the built paymux; Dir takes the run's files and logs.
	Binary, Dir string
	// Database is the section "database" of the configuration, Redis the
	// section "redis" or empty, both on one line of YAML.
	Database, Redis string
	Gateways        int
	// Lines are what can be cut: "database", "redis". Absent: it holds.
	Lines map[string]Line
}

const masterKey = "8J2Jc1u0q0h4S8m1Yd0pQy5Yb0cX3bq2K1o5u5T9m3k="

// configuration is of every run; a pace stands beside it: ladders and margins as
// short as the simulators allow, so that most of an order's life passes under
// the adversary's eyes.
const configuration = `
server: {public_url: %q}
database: %s
redis: {%s}
secrets: {master_key_file: %q}
limits: {requests_per_second: 5000, burst: 10000}
`

// unhurriedPace leaves the calls of a busy machine time.
const unhurriedPace = `
payments:
  default_expiry: 2m
  barcode_expiry: 30s
  call_timeout: 1s
  call_margin: 700ms
  late_margin: 2s
  unknown_ladder: [300ms, 600ms, 1s, 2s]
  pending_ladder: [2s]
  barcode_ladder: [700ms]
  refund_ladder: [300ms, 600ms, 1s]
  late_ladder: [700ms, 1s, 2s]
webhooks: {allow_loopback: true, timeout: 1s, lease: 5s, poll: 500ms}
workers: {poll: 200ms, lease: 5s}
breaker: {open_for: 500ms, taken_out_for: 1s}
`

// Result is what came of a run.
type Result struct {
	Options Options
	Verdict Verdict
	Books   Books
	// Figures count what the adversary did and what the merchants were
	// answered.
	Figures map[string]int
	// Took is the time under fire, Drained how long it took to settle the rest.
	Took, Drained time.Duration
	// Logs is the folder with the processes' logs.
	Logs string
}

// scene is a running installation.
type scene struct {
	opts     Options
	world    World
	sim      *simulators
	hook     *receiver
	gateways []*gateway
	// ms are the merchants, of each policy for late money one.
	ms       []*merchants
	shoppers []*shopper
	end      []func()
	// pace is the part of the configuration that sets ladders and margins, env
	// what the gateways have in their environment.
	pace string
	env  []string
}

// Run brings the installation up, works its adversary and merchants, lets
// everything settle and checks the books. An error says that the run could not
// be made; anomalies are in the result.
func Run(ctx context.Context, world World, opts Options) (Result, error) {
	s := &scene{opts: opts.withDefaults(), world: world, pace: unhurriedPace}
	defer s.close()
	if err := s.open(ctx); err != nil {
		return Result{}, fmt.Errorf("torture: bring the installation up: %w", err)
	}
	offers, err := offered(ctx, s.ms[0])
	if err != nil {
		return Result{}, fmt.Errorf("torture: %w", err)
	}
	a := &adversary{
		seed: s.opts.Seed, sim: s.sim, hook: s.hook, gateways: s.gateways, lines: world.Lines,
		kills: s.opts.Kills, duration: s.opts.Duration, figures: map[string]int{},
	}
	for _, o := range offers {
		if !slices.Contains(a.channels, o.channel) {
			a.channels = append(a.channels, o.channel)
		}
	}
	_, _ = fmt.Fprintf(s.opts.Out, "torture: seed %d, %d orders, %d kills within %s, %d gateways, %v\n",
		s.opts.Seed, s.opts.Orders, s.opts.Kills, s.opts.Duration, len(s.gateways), offers)
	began := now()
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { a.rage(ctx, done) })
	s.shop(ctx, offers)
	close(done)
	all.Wait()
	if err := errors.Join(ctx.Err(), errors.Join(a.broken...)); err != nil {
		return Result{}, fmt.Errorf("torture: %w", err)
	}
	res := Result{Options: s.opts, Took: now().Sub(began), Figures: a.figures, Logs: world.Dir}
	if err := s.peace(ctx); err != nil {
		return Result{}, fmt.Errorf("torture: end the faults: %w", err)
	}
	began = now()
	res.Books, res.Verdict, err = s.drain(ctx)
	res.Drained = now().Sub(began)
	if err != nil {
		return Result{}, fmt.Errorf("torture: read the books: %w", err)
	}
	res.tally()
	return res, nil
}

func (s *scene) open(ctx context.Context) error {
	dir := s.world.Dir
	f, err := newFront()
	if err != nil {
		return err
	}
	config, err := s.world.configure(f.url(), s.pace)
	if err != nil {
		return err
	}
	if _, err := run(ctx, s.world.Binary, "migrate", "up", "--config", config); err != nil {
		return err
	}
	sandbox, err := start(ctx, s.world.Binary, dir, "sandbox", nil, "sandbox", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "sandbox"))
	if err != nil {
		return err
	}
	s.end = append(s.end, sandbox.kill)
	var profile Profile
	if err := json.Unmarshal([]byte(sandbox.first), &profile); err != nil {
		return fmt.Errorf("the sandbox did not say where it is: %q", sandbox.first)
	}
	s.sim = &simulators{url: profile.Sandbox, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	profiles := map[LatePolicy]Profile{}
	var secrets [][]byte
	for _, policy := range latePolicies {
		if profiles[policy], err = s.enrol(ctx, config, policy); err != nil {
			return err
		}
		secret, err := readSecret(profiles[policy].WebhookSecretFile)
		if err != nil {
			return err
		}
		secrets = append(secrets, secret)
	}
	if s.hook, err = newReceiver(secrets); err != nil {
		return err
	}
	s.end = append(s.end, func() { _ = s.hook.set(moodDead) })
	for i := range s.world.Gateways {
		address, err := freeAddress(ctx)
		if err != nil {
			return err
		}
		g := &gateway{binary: s.world.Binary, dir: dir, name: fmt.Sprintf("gateway-%d", i), config: config, address: address, env: s.env}
		if err := g.up(ctx); err != nil {
			return err
		}
		s.end = append(s.end, func() { g.kill() })
		s.gateways = append(s.gateways, g)
	}
	f.serve(s.gateways)
	s.end = append(s.end, func() { _ = f.server.Close() })
	for _, policy := range latePolicies {
		m, err := newMerchants(ctx, profiles[policy], policy, s.gateways)
		if err != nil {
			return err
		}
		s.ms = append(s.ms, m)
	}
	return nil
}

var latePolicies = []LatePolicy{LateRefund, LateAccept}

// merchant is the one with the policy.
func (s *scene) merchant(policy LatePolicy) *merchants {
	return s.ms[slices.Index(latePolicies, policy)]
}

// enrol makes a merchant with accounts of its own at every channel.
func (s *scene) enrol(ctx context.Context, config string, policy LatePolicy) (Profile, error) {
	var profile Profile
	out, err := run(ctx, s.world.Binary, "merchant", "create", "--config", config, "--name", "Tea shop "+string(policy), "--sandbox-accounts",
		"--late-payment", string(policy), "--sandbox", s.sim.url, "--out", filepath.Join(s.world.Dir, "merchant-"+string(policy)), "--json")
	if err != nil {
		return profile, err
	}
	if err := json.Unmarshal(out, &profile); err != nil {
		return profile, fmt.Errorf("merchant create --json printed %q: %w", out, err)
	}
	return profile, nil
}

// configure writes the configuration and the master key.
func (w World) configure(publicURL, pace string) (file string, err error) {
	file, key := filepath.Join(w.Dir, "paymux.yaml"), filepath.Join(w.Dir, "master.key")
	text := fmt.Sprintf(configuration, publicURL, w.Database, w.Redis, key) + pace
	return file, errors.Join(os.WriteFile(key, []byte(masterKey), 0o600), os.WriteFile(file, []byte(text), 0o600))
}

func (s *scene) close() {
	for _, end := range slices.Backward(s.end) {
		end()
	}
}

// freeAddress finds an address that a gateway keeps over its restarts.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// shop lets the merchants work off all orders, spread over the run's time.
func (s *scene) shop(ctx context.Context, offers []offer) {
	began := now()
	each := s.opts.Duration / time.Duration(s.opts.Orders)
	slots := make(chan struct{}, s.opts.Merchants)
	var all sync.WaitGroup
	for i := range s.opts.Orders {
		if !pause(ctx, began.Add(time.Duration(i)*each).Sub(now())) {
			break
		}
		slots <- struct{}{}
		p, rng := planned(s.opts.Seed, i, offers)
		policy := LateRefund
		if p.accepts {
			policy = LateAccept
		}
		shopper := newShopper(s.merchant(policy), s.sim, s.hook.url(), fmt.Sprintf("t%d-%d", s.opts.Seed, i), p, rng)
		s.shoppers = append(s.shoppers, shopper)
		all.Go(func() {
			defer func() { <-slots }()
			shopper.work(ctx, p)
		})
	}
	all.Wait()
}

// peace ends all that fails.
func (s *scene) peace(ctx context.Context) error {
	for _, line := range s.world.Lines {
		line.Restore()
	}
	errs := []error{s.sim.calm(ctx), s.hook.set(moodWell)}
	for _, g := range s.gateways {
		errs = append(errs, g.up(ctx))
	}
	return errors.Join(errs...)
}

// Steps of the drain.
const (
	drainLook = time.Second
	// drainAgain is after how long books that were right are read once more: what
	// is still under way must not spoil them.
	drainAgain = 2 * time.Second
)

// drain closes what nobody paid, asks for the events that wait on their ladder,
// and reads the books until they are right or the time is over.
func (s *scene) drain(ctx context.Context) (Books, Verdict, error) {
	deadline := now().Add(s.opts.Drain)
	right, said := 0, now()
	for {
		b, err := s.read(ctx)
		if err != nil {
			return b, Verdict{}, err
		}
		v := Check(b)
		if len(v.Anomalies) == 0 && (v.AwaitLimit == 0 || s.opts.SkipLimits) {
			right++
		} else {
			right = 0
		}
		if right == 2 || now().After(deadline) {
			return b, v, nil
		}
		if now().Sub(said) > 10*time.Second {
			said = now()
			_, _ = fmt.Fprintf(s.opts.Out, "torture: settling, %d left, such as %v\n", len(v.Anomalies), v.Anomalies[:min(len(v.Anomalies), 2)])
		}
		s.nudge(ctx, b)
		s.resend(ctx, b)
		wait := drainLook
		if right == 1 {
			wait = drainAgain
		}
		if !pause(ctx, wait) {
			return b, v, ctx.Err()
		}
	}
}

// nudge does what a merchant can do to have its money settled.
func (s *scene) nudge(ctx context.Context, b Books) {
	byNo := map[string]*shopper{}
	for _, shopper := range s.shoppers {
		byNo[shopper.order.No] = shopper
	}
	orders := map[string]string{}
	for _, p := range b.Payments {
		orders[p.ID] = p.MerchantOrderNo
		if shopper := byNo[p.MerchantOrderNo]; shopper != nil && (p.Status == pending || p.Status == processing) {
			shopper.closeOrder(ctx, shopper.somewhere(), p.ID)
		}
	}
	for _, r := range b.Refunds {
		// Late money whose return the channel refused is the merchant's to return.
		shopper := byNo[orders[r.PaymentID]]
		if shopper != nil && r.Initiator == "gateway" && r.Status == failed {
			shopper.refund(ctx, shopper.somewhere(), r.PaymentID, "late-"+r.ID, r.Amount)
		}
	}
}

// resend asks for the events that wait on their ladder.
func (s *scene) resend(ctx context.Context, b Books) {
	for _, e := range b.Events {
		if e.Status != "delivered" {
			// Another merchant's event is not found.
			for _, m := range s.ms {
				_, _ = m.clients[0].Do(ctx, http.MethodPost, "/v1/events/"+e.ID+"/resend", nil)
			}
		}
	}
}

// read reads both sides' books. The gateway's are read first: what the channels
// did meanwhile shows as a difference and is read again.
func (s *scene) read(ctx context.Context) (Books, error) {
	b := Books{At: now()}
	for _, m := range s.ms {
		events, err1 := list[Event](ctx, m, "/v1/events", url.Values{})
		refunds, err2 := list[Refund](ctx, m, "/v1/refunds", url.Values{})
		payments, err3 := list[Payment](ctx, m, "/v1/payments", url.Values{})
		if err := errors.Join(err1, err2, err3); err != nil {
			return b, err
		}
		b.Events, b.Refunds, b.Payments = append(b.Events, events...), append(b.Refunds, refunds...), append(b.Payments, payments...)
	}
	var err error
	b.Trades, err = s.sim.trades(ctx)
	b.Received, _ = s.hook.all()
	for _, shopper := range s.shoppers {
		b.Orders = append(b.Orders, shopper.history())
	}
	return b, err
}

// tally adds to the figures what the books show.
func (r *Result) tally() {
	r.Figures["orders"] = len(r.Books.Orders)
	for _, o := range r.Books.Orders {
		for _, q := range o.Requests {
			r.Figures["requests"]++
			switch {
			case q.Status == 0:
				r.Figures["requests without an answer"]++
			case q.Status >= http.StatusInternalServerError:
				r.Figures[fmt.Sprintf("answers %d %s", q.Status, q.Code)]++
			}
		}
	}
	for _, p := range r.Books.Payments {
		r.Figures["payments "+p.Status]++
	}
	for _, f := range r.Books.Refunds {
		r.Figures["refunds "+f.Status]++
	}
	for _, t := range r.Books.Trades {
		for _, n := range t.Notifications {
			if n.Acknowledged {
				r.Figures["callbacks acknowledged"]++
			} else {
				r.Figures["callbacks not acknowledged"]++
			}
		}
	}
	for _, w := range r.Books.Received {
		if w.Answered != http.StatusNoContent {
			r.Figures["webhooks failed"]++
		}
	}
	r.Figures["webhooks received"] = len(r.Books.Received)
	r.Figures["events"] = len(r.Books.Events)
	r.Figures["charges at the channels"] = r.Verdict.Charges
	r.Figures["refunds at the channels"] = r.Verdict.ChannelRefunds
	r.Figures["refunds by the gateway itself"] = r.Verdict.GatewayRefunds
	r.Figures["refunds that wait for the settlement file"] = r.Verdict.AwaitFile
	r.Figures["returns that the channel refused for good"] = r.Verdict.RefusedReturns
	r.Figures["orders that wait for their limit"] = r.Verdict.AwaitLimit
}

// Report prints the figures and the verdict; the last line is the number of
// anomalies.
func (r *Result) Report() string {
	var out strings.Builder
	names := make([]string, 0, len(r.Figures))
	for name := range r.Figures {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&out, "%-50s %7d\n", name, r.Figures[name])
	}
	fmt.Fprintf(&out, "%-50s %7.0f s\n%-50s %7.0f s\n", "under fire", r.Took.Seconds(), "settled after", r.Drained.Seconds())
	const shown = 25
	for i, a := range r.Verdict.Anomalies {
		fmt.Fprintf(&out, "ANOMALY %s\n", a)
		if i < shown {
			out.WriteString(r.Books.history(a.Order))
		}
	}
	if len(r.Verdict.Anomalies) > 0 {
		fmt.Fprintf(&out, "the plan again: %s=%d; logs: %s\n", SeedEnv, r.Options.Seed, r.Logs)
	}
	fmt.Fprintf(&out, "anomalies = %d\n", len(r.Verdict.Anomalies))
	return out.String()
}

// history tells all that is known of an order.
func (b *Books) history(no string) string {
	var out strings.Builder
	for _, o := range b.Orders {
		if o.No != no {
			continue
		}
		fmt.Fprintf(&out, "  plan: %s %s of %d: %s\n", o.Channel, o.Scene, o.Amount, o.Plan)
		for i, q := range o.Requests {
			if i > 0 && i+1 < len(o.Requests) && q.same(o.Requests[i-1]) && q.same(o.Requests[i+1]) {
				continue
			}
			fmt.Fprintf(&out, "  %8.3f–%8.3f gateway %d %s %s %d → %d %s %s %s %s\n", q.Began.Seconds(), q.Ended.Seconds(),
				q.Gateway, q.What, q.RefundNo, q.Amount, q.Status, q.State, q.Resource, q.Code, q.Fault)
		}
	}
	line := func(what string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			text = []byte(err.Error())
		}
		fmt.Fprintf(&out, "  %s: %s\n", what, text)
	}
	for _, p := range b.Payments {
		if p.MerchantOrderNo != no {
			continue
		}
		line("payment", p)
		for _, t := range b.Trades {
			if p.attempt(t.OutTradeNo).ID != "" {
				line("channel", t)
			}
		}
		for _, r := range b.Refunds {
			if r.PaymentID == p.ID {
				line("refund", r)
			}
		}
		for _, e := range b.Events {
			if e.PaymentID == p.ID {
				e.Data = nil
				line("event", e)
			}
		}
	}
	return out.String()
}
