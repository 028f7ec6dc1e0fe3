package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"time"
)

// optional are the numbers that may be zero.
var optional = []string{"redis.db", "reconciliation.keep_originals_days", "reconciliation.second_eyes_above", "retention.events_days", "retention.notifications_days"}

// Validate reports every fault of the configuration, each with its key.
func (c Config) Validate() error {
	var faults []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	faults = append(faults, positives(&c)...)
	bad(!isAddress(c.Server.Listen), "server.listen: %q is not host:port", c.Server.Listen)
	bad(c.Server.PublicURL != "" && !isBaseURL(c.Server.PublicURL),
		"server.public_url: %q is not an http or https URL without query; it is where channels reach this gateway", c.Server.PublicURL)
	bad(c.Server.MaxBodyBytes > 1<<20, "server.max_body_bytes: at most %d", 1<<20)

	switch c.Database.Driver {
	case "sqlite":
		bad(c.Database.Path == "", "database.path: needed for sqlite; name the database's file")
	case "mysql":
		bad(c.Database.DSN.IsZero(), "database.dsn: needed for mysql; give database.dsn_file, a file with user:password@tcp(host:3306)/database")
	default:
		bad(true, "database.driver: %q is not known; use sqlite or mysql", c.Database.Driver)
	}
	bad(c.Redis.Addr != "" && !isAddress(c.Redis.Addr), "redis.addr: %q is not host:port", c.Redis.Addr)
	bad(c.Redis.DB < 0, "redis.db: must not be negative")
	bad(c.Secrets.MasterKeyFile == "" && c.Secrets.MasterKey.IsZero(),
		"secrets.master_key_file: needed; make one with: openssl rand -base64 32 > master.key && chmod 600 master.key")
	bad(c.Secrets.MasterKeyFile != "" && !c.Secrets.MasterKey.IsZero(), "secrets.master_key and secrets.master_key_file are both set; keep one")
	bad(c.Limits.Burst < c.Limits.RequestsPerSecond, "limits.burst: must be at least limits.requests_per_second")

	p := c.Payments
	bad(p.DefaultExpiry < MinExpiry || p.DefaultExpiry > MaxExpiry, "payments.default_expiry: must be %s to %s", MinExpiry, MaxExpiry)
	bad(p.BarcodeExpiry > MaxExpiry || p.BarcodeExpiry < 30*time.Second, "payments.barcode_expiry: must be 30s to %s", MaxExpiry)
	bad(c.Server.WriteTimeout < p.CallTimeout, "server.write_timeout: must be at least payments.call_timeout")
	bad(c.Workers.Lease <= lookCalls*p.CallTimeout,
		"workers.lease: must be longer than the calls of one look (%d × payments.call_timeout = %s), or a second worker begins before the first is done",
		lookCalls, lookCalls*p.CallTimeout)

	bad(c.Webhooks.Lease <= c.Webhooks.Timeout, "webhooks.lease: must be longer than webhooks.timeout, or an event is sent by two processes at once")

	rc := c.Reconciliation
	bad(rc.KeepOriginalsDays < 0, "reconciliation.keep_originals_days: must not be negative; 0 keeps them for ever")
	bad(rc.SecondEyesAbove < 0, "reconciliation.second_eyes_above: must not be negative; 0 means always")
	bad(!slices.Contains([]string{"zh", "en"}, rc.StatementLanguage), "reconciliation.statement_language: %q is not zh or en", rc.StatementLanguage)
	bad(rc.EdgeMargin > time.Hour, "reconciliation.edge_margin: at most 1h: rows nearer than that to a day's end are not called missing before the next day's bill")
	bad(rc.CatchUpDays > 90, "reconciliation.catch_up_days: at most 90, which is about as long as channels give their bills out")

	bad(c.Retention.EventsDays < 0, "retention.events_days: must not be negative; 0 keeps them for ever")
	bad(c.Retention.NotificationsDays < 0, "retention.notifications_days: must not be negative; 0 keeps them for ever")

	bad(!slices.Contains([]string{"auto", "always", "never"}, c.Console.SecureCookies), "console.secure_cookies: %q is not one of auto, always, never", c.Console.SecureCookies)
	bad(c.Console.Idle > c.Console.Longest, "console.idle: at most console.longest")
	bad(c.Console.PageSize > 500, "console.page_size: at most 500")
	bad(c.Console.RunWait >= c.Server.WriteTimeout, "console.run_wait: must be shorter than server.write_timeout, or the page is never answered")

	bad(c.Sandbox.Enabled && c.Sandbox.Dir == "", "sandbox.dir: needed when the sandbox is enabled")
	bad(c.Sandbox.Enabled && !isAddress(c.Sandbox.Listen), "sandbox.listen: %q is not host:port", c.Sandbox.Listen)
	bad(!slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level), "log.level: %q is not one of debug, info, warn, error", c.Log.Level)
	bad(!slices.Contains([]string{"json", "text"}, c.Log.Format), "log.format: %q is not json or text", c.Log.Format)
	return errors.Join(faults...)
}

// lookCalls is how many calls to a channel one look at an order can make: a
// query, a close or reversal, a query after it, or a repeat.
const lookCalls = 4

// MinExpiry and MaxExpiry bound an order's limit; the public contract sets them.
const (
	MinExpiry = 2 * time.Minute
	MaxExpiry = 24 * time.Hour
)

// positives finds limits that are not positive: each loop, call and queue has
// one, and none means "no limit".
func positives(c *Config) []error {
	var faults []error
	for _, k := range keys(c) {
		if slices.Contains(optional, k.path()) {
			continue
		}
		fault := fmt.Errorf("%s: must be positive", k.path())
		switch v := k.value; {
		case v.CanInt() && v.Int() <= 0, v.CanFloat() && v.Float() <= 0:
			faults = append(faults, fault)
		case v.Type() == reflect.TypeFor[[]time.Duration]():
			steps, _ := v.Interface().([]time.Duration)
			if len(steps) == 0 || slices.ContainsFunc(steps, func(d time.Duration) bool { return d <= 0 }) {
				faults = append(faults, fmt.Errorf("%s: needs at least one step, each positive", k.path()))
			}
		}
	}
	return faults
}

func isAddress(s string) bool {
	_, port, err := net.SplitHostPort(s)
	return err == nil && port != ""
}

func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}
