package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/config"
	"github.com/paymux/paymux/internal/money"
)

// Finding is what the doctor says of one thing.
type Finding struct {
	What string `json:"what"`
	// Status is ok, warning or failed.
	Status string `json:"status"`
	// Detail says what was found, or what is wrong.
	Detail string `json:"detail"`
	// Advice says what to do; empty when nothing is.
	Advice string `json:"advice,omitempty"`
}

// The statuses of a finding.
const (
	FindingOK      = "ok"
	FindingWarning = "warning"
	FindingFailed  = "failed"
)

// doctorTimeout bounds each of the doctor's questions.
const doctorTimeout = 10 * time.Second

// Examine checks an installation from its configuration to the channels and
// says for each thing what is wrong and what to do. It changes nothing.
func Examine(ctx context.Context, source Source, logger *slog.Logger, now func() time.Time) []Finding {
	d := &doctor{now: now}
	if source.Embedded() {
		if !source.Exists() {
			d.failed("data folder", fmt.Errorf("there is no installation in %s", source.DataDir), "start `paymux serve` once, or name its folder with --data")
			return d.findings
		}
	}
	cfg, err := source.Load()
	if err != nil {
		d.failed("configuration", err, "correct what is named; configs/paymux.example.yaml documents every key")
		return d.findings
	}
	d.ok("configuration", "every setting is known and within bounds")
	if _, err := openBox(cfg.Secrets); err != nil {
		d.failed("master key", err, "make one with: openssl rand -base64 32 > master.key && chmod 600 master.key")
		return d.findings
	}
	d.masterKeyMode(cfg.Secrets)
	in, err := Open(ctx, cfg, logger, now)
	if err != nil {
		d.failed("database", err, "start the database, and check database.path or database.dsn_file")
		return d.findings
	}
	defer func() { _ = in.Close() }()
	d.database(ctx, in)
	d.redis(ctx, in)
	d.keys(ctx, in)
	d.accounts(ctx, in)
	return d.findings
}

type doctor struct {
	now      func() time.Time
	findings []Finding
}

func (d *doctor) ok(what, detail string) {
	d.findings = append(d.findings, Finding{What: what, Status: FindingOK, Detail: detail})
}

func (d *doctor) failed(what string, err error, advice string) {
	d.findings = append(d.findings, Finding{What: what, Status: FindingFailed, Detail: err.Error(), Advice: advice})
}

func (d *doctor) warning(what, detail, advice string) {
	d.findings = append(d.findings, Finding{What: what, Status: FindingWarning, Detail: detail, Advice: advice})
}

func (d *doctor) masterKeyMode(s config.Secrets) {
	info, err := os.Stat(s.MasterKeyFile)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		d.warning("master key", fmt.Sprintf("%s can be read by others (mode %04o)", s.MasterKeyFile, info.Mode().Perm()), "chmod 600 "+s.MasterKeyFile)
		return
	}
	d.ok("master key", "present and well-formed")
}

func (d *doctor) database(ctx context.Context, in *Installation) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	if err := in.DB.Ping(ctx); err != nil {
		d.failed("database", err, "start the database, and check the network to it")
		return
	}
	d.ok("database", "answers, and commits durably")
	if err := in.DB.CheckSchema(ctx); err != nil {
		d.failed("schema", err, "run: paymux migrate up")
	} else {
		d.ok("schema", "fits this version")
	}
	skew, err := in.DB.ClockSkew(ctx)
	switch most := in.Config.Database.MaxClockSkew; {
	case err != nil:
		d.failed("clock", err, "check the database")
	case skew > most || skew < -most:
		d.failed("clock", fmt.Errorf("this machine is %s off the database", skew.Round(time.Millisecond)), "synchronise both clocks with NTP; the gateway is not ready until they agree")
	default:
		d.ok("clock", fmt.Sprintf("within %s of the database's", max(skew, -skew).Round(time.Millisecond)))
	}
}

func (d *doctor) redis(ctx context.Context, in *Installation) {
	if in.Config.Redis.Addr == "" {
		if in.Config.Database.Driver == "mysql" {
			d.warning("redis", "not configured: rate limits are per process", "set redis.addr when more than one gateway runs")
		} else {
			d.ok("redis", "not needed: state is kept in this process")
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	state := openState(in.Config.Redis, in.Now, in.Logger)
	defer func() { _ = state.Close() }()
	if err := state.Ping(ctx); err != nil {
		d.failed("redis", err, "start Redis and check redis.addr and its password; the gateway serves without it, slower")
		return
	}
	d.ok("redis", "answers")
}

func (d *doctor) keys(ctx context.Context, in *Installation) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	ring, err := in.Merchants.KeyRing(ctx)
	if err != nil {
		d.failed("platform keys", err, "start `paymux serve` once; if the master key was changed by hand, bring the old one back beside it")
		return
	}
	d.ok("platform keys", fmt.Sprintf("%d live, sealed under a known master key", len(ring.All())))
}

// accounts opens every account and asks its channel for an order that does not
// exist: a verified answer proves address, keys and clock.
func (d *doctor) accounts(ctx context.Context, in *Installation) {
	accounts, err := in.DB.Merchants().AccountsOf(ctx, "")
	if err != nil {
		d.failed("accounts", err, "check the database")
		return
	}
	if len(accounts) == 0 {
		d.warning("accounts", "there is none", "add one: paymux account add --help")
	}
	for _, a := range accounts {
		what := "account " + a.ID + " at " + a.Channel
		ch, _, err := in.Accounts.Open(ctx, a.ID)
		if err != nil {
			d.failed(what, err, "correct its credentials")
			continue
		}
		if !a.Enabled {
			d.warning(what, "is disabled: no new payments go there", "enable it if that is not meant")
		}
		d.certificates(what, ch)
		d.reach(ctx, what, ch)
	}
}

// certificates warns of certificates that end soon.
func (d *doctor) certificates(what string, ch channels.Channel) {
	holder, ok := unguarded(ch).(channels.CertificateHolder)
	if !ok {
		return
	}
	for _, c := range holder.Expiries() {
		if c.EndsSoon(d.now()) && !c.Fetched {
			d.warning(what, fmt.Sprintf("its certificate %s ends on %s", c.Field, c.NotAfter.UTC().Format(time.DateOnly)), "get a new one and add it beside the old")
		}
	}
}

func (d *doctor) reach(ctx context.Context, what string, ch channels.Channel) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	amount, err := money.New(1, money.CNY)
	if err != nil {
		d.failed(what, err, "")
		return
	}
	_, err = ch.QueryPayment(ctx, channels.AttemptRef{
		ID: NewID(), SubmittedAt: d.now().Truncate(time.Second), Scene: channels.SceneQR, Amount: amount, ExpiresAt: d.now().Add(time.Hour),
	})
	var netErr net.Error
	switch {
	case err == nil:
		d.ok(what, "answers, and both sides' keys fit")
	case channels.OutcomeOf(err) == channels.Misconfigured:
		d.failed(what, err, "compare app id, keys and permissions with the channel's console")
	case channels.OutcomeOf(err) == channels.BadSignature:
		d.failed(what, err, "the channel's public key or certificate is not the one configured")
	case channels.OutcomeOf(err) == channels.NotProcessed || errors.As(err, &netErr) || errors.Is(err, http.ErrHandlerTimeout):
		d.failed(what, err, "check the network, the address in the credentials and the firewall")
	default:
		d.failed(what, err, "try again; if it stays, ask the channel with its code")
	}
}
