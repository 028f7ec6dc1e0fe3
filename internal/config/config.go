package config

import "time"

// Config is a whole configuration. The yaml tags are the keys of the file; a
// key's variable is PAYMUX_, section and key in upper case, joined by _.
type Config struct {
	Server         Server         `yaml:"server"`
	Database       Database       `yaml:"database"`
	Redis          Redis          `yaml:"redis"`
	Secrets        Secrets        `yaml:"secrets"`
	Limits         Limits         `yaml:"limits"`
	Payments       Payments       `yaml:"payments"`
	Channels       Channels       `yaml:"channels"`
	Webhooks       Webhooks       `yaml:"webhooks"`
	Callbacks      Callbacks      `yaml:"callbacks"`
	Workers        Workers        `yaml:"workers"`
	Breaker        Breaker        `yaml:"breaker"`
	Routing        Routing        `yaml:"routing"`
	Reconciliation Reconciliation `yaml:"reconciliation"`
	Console        Console        `yaml:"console"`
	Retention      Retention      `yaml:"retention"`
	Sandbox        Sandbox        `yaml:"sandbox"`
	Log            Log            `yaml:"log"`
}

// Server is how the API is served.
type Server struct {
	Listen string `yaml:"listen"`
	// PublicURL is where channels reach this gateway for their callbacks.
	PublicURL         string        `yaml:"public_url"`
	ReadHeaderTimeout time.Duration `yaml:"read_header_timeout"`
	ReadTimeout       time.Duration `yaml:"read_timeout"`
	WriteTimeout      time.Duration `yaml:"write_timeout"`
	IdleTimeout       time.Duration `yaml:"idle_timeout"`
	ShutdownTimeout   time.Duration `yaml:"shutdown_timeout"`
	MaxBodyBytes      int64         `yaml:"max_body_bytes"`
	MaxHeaderBytes    int           `yaml:"max_header_bytes"`
}

// Database is where everything is kept that must survive.
type Database struct {
	Driver       string        `yaml:"driver"`
	Path         string        `yaml:"path"`
	DSN          Secret        `yaml:"dsn"`
	DSNFile      string        `yaml:"dsn_file"`
	MaxConns     int           `yaml:"max_conns"`
	GroupJobs    int           `yaml:"group_jobs"`
	LockWait     time.Duration `yaml:"lock_wait"`
	Timeout      time.Duration `yaml:"timeout"`
	MaxClockSkew time.Duration `yaml:"max_clock_skew"`
}

// Redis is where short-lived shared state is kept; an empty address keeps it in
// this process, which is right for one process only.
type Redis struct {
	Addr         string        `yaml:"addr"`
	Username     string        `yaml:"username"`
	Password     Secret        `yaml:"password"`
	PasswordFile string        `yaml:"password_file"`
	DB           int           `yaml:"db"`
	TLS          bool          `yaml:"tls"`
	Timeout      time.Duration `yaml:"timeout"`
	KeyPrefix    string        `yaml:"key_prefix"`
}

// Secrets says where the master key is.
type Secrets struct {
	MasterKey              Secret   `yaml:"master_key"`
	MasterKeyFile          string   `yaml:"master_key_file"`
	PreviousMasterKeyFiles []string `yaml:"previous_master_key_files"`
}

// Limits bound what one merchant may do.
type Limits struct {
	RequestsPerSecond int `yaml:"requests_per_second"`
	Burst             int `yaml:"burst"`
}

// Payments are the times of a payment's life. A ladder is how long after the
// last look the next one is due; its last step repeats.
type Payments struct {
	DefaultExpiry time.Duration   `yaml:"default_expiry"`
	BarcodeExpiry time.Duration   `yaml:"barcode_expiry"`
	CallTimeout   time.Duration   `yaml:"call_timeout"`
	CallMargin    time.Duration   `yaml:"call_margin"`
	LateMargin    time.Duration   `yaml:"late_margin"`
	MaxAttempts   int             `yaml:"max_attempts"`
	UnknownLadder []time.Duration `yaml:"unknown_ladder"`
	PendingLadder []time.Duration `yaml:"pending_ladder"`
	BarcodeLadder []time.Duration `yaml:"barcode_ladder"`
	RefundLadder  []time.Duration `yaml:"refund_ladder"`
	LateLadder    []time.Duration `yaml:"late_ladder"`
}

// Channels bound the HTTP calls to channels, for each account.
type Channels struct {
	DialTimeout    time.Duration `yaml:"dial_timeout"`
	TLSTimeout     time.Duration `yaml:"tls_timeout"`
	MaxConns       int           `yaml:"max_conns"`
	IdleConns      int           `yaml:"idle_conns"`
	MaxAnswerBytes int64         `yaml:"max_answer_bytes"`
	// KeyRefresh is how often channels are asked for their next keys.
	KeyRefresh time.Duration `yaml:"key_refresh"`
}

// Webhooks bound the deliveries to merchants. Their ladder is part of the
// public contract and no setting.
type Webhooks struct {
	Timeout       time.Duration `yaml:"timeout"`
	Senders       int           `yaml:"senders"`
	PerMerchant   int           `yaml:"per_merchant"`
	PerEndpoint   int           `yaml:"per_endpoint"`
	AllowLoopback bool          `yaml:"allow_loopback"`
	Ports         []uint16      `yaml:"ports"`
	Lease         time.Duration `yaml:"lease"`
	Poll          time.Duration `yaml:"poll"`
	Gap           time.Duration `yaml:"gap"`
	// A try that fails after SlowAfter or more is slow. SlowTries of them in a
	// row leave an endpoint one sender, SlowMerchantTries leave its merchant
	// PerSlowMerchant; all slow ones share SlowSenders.
	SlowAfter         time.Duration `yaml:"slow_after"`
	SlowTries         int           `yaml:"slow_tries"`
	SlowMerchantTries int           `yaml:"slow_merchant_tries"`
	PerSlowMerchant   int           `yaml:"per_slow_merchant"`
	SlowSenders       int           `yaml:"slow_senders"`
	EndpointsPerLook  int           `yaml:"endpoints_per_look"`
}

// Callbacks bound what is taken from channels. Bodies are bounded by
// server.max_body_bytes.
type Callbacks struct {
	// ApplyTimeout bounds storing and applying one; channels wait about 5 s.
	ApplyTimeout time.Duration `yaml:"apply_timeout"`
	// SamplesKept is how many that failed verification an account keeps, each
	// cut to SampleBytes; SampleQueue wait at most to be written, SampleBatch at
	// once and not more often than SampleEvery.
	SamplesKept int           `yaml:"samples_kept"`
	SampleBytes int           `yaml:"sample_bytes"`
	SampleQueue int           `yaml:"sample_queue"`
	SampleBatch int           `yaml:"sample_batch"`
	SampleEvery time.Duration `yaml:"sample_every"`
}

// Workers bound the background loops.
type Workers struct {
	Poll        time.Duration `yaml:"poll"`
	Lease       time.Duration `yaml:"lease"`
	Concurrency int           `yaml:"concurrency"`
}

// Breaker bounds what is asked of an account that is not well.
type Breaker struct {
	Failures      int           `yaml:"failures"`
	OpenFor       time.Duration `yaml:"open_for"`
	Probes        int           `yaml:"probes"`
	TakenOutFor   time.Duration `yaml:"taken_out_for"`
	MaxConcurrent int           `yaml:"max_concurrent"`
}

// Routing is how merchants' rules and accounts' figures are followed.
type Routing struct {
	// Reload is how often the database is asked for changed rules.
	Reload time.Duration `yaml:"reload"`
	// SlowStart is how long an account takes to become warm that was without
	// calls for Idle, or ill.
	SlowStart time.Duration `yaml:"slow_start"`
	Idle      time.Duration `yaml:"idle"`
	// Recent is how old a call may be to count for success rate and latency.
	Recent time.Duration `yaml:"recent"`
}

// Reconciliation bounds fetching and matching the channels' bills.
type Reconciliation struct {
	// Poll is how often days whose bill is due are looked for; Concurrency of
	// them are worked on at a time, each under a lease.
	Poll        time.Duration `yaml:"poll"`
	Concurrency int           `yaml:"concurrency"`
	Lease       time.Duration `yaml:"lease"`
	// BusyWait is how long a run by hand waits for one that is under way.
	BusyWait time.Duration `yaml:"busy_wait"`
	// DueMargin is added to when a bill is due, RetryLadder is how long after
	// each try the next follows, LateAfter is when its absence is an alarm.
	DueMargin   time.Duration   `yaml:"due_margin"`
	RetryLadder []time.Duration `yaml:"retry_ladder"`
	LateAfter   time.Duration   `yaml:"late_after"`
	CatchUpDays int             `yaml:"catch_up_days"`
	// EdgeMargin is how near to a day's end a row may stand in the next bill.
	EdgeMargin   time.Duration `yaml:"edge_margin"`
	FetchTimeout time.Duration `yaml:"fetch_timeout"`
	MaxBillBytes int64         `yaml:"max_bill_bytes"`
	// MaxDifferences bounds what has no counterpart, MaxRepairs the questions to
	// a channel in one run.
	MaxDifferences int `yaml:"max_differences"`
	MaxRepairs     int `yaml:"max_repairs"`
	// KeepOriginalsDays is how long fetched bills are kept; 0: for ever.
	KeepOriginalsDays int    `yaml:"keep_originals_days"`
	SpillDir          string `yaml:"spill_dir"`
	// SecondEyesAbove is the amount in minor units above which another person
	// must approve a resolution; 0: always.
	SecondEyesAbove int64 `yaml:"second_eyes_above"`
	// StatementQuiet is how long after the last explanation of a discrepancy the
	// day's statement is written anew.
	StatementQuiet time.Duration `yaml:"statement_quiet"`
	// StatementLanguage is zh or en.
	StatementLanguage string `yaml:"statement_language"`
}

// Retention is how long what the books do not need is kept; 0 days: for ever.
// Payments, attempts, refunds, their history and the audit trail always are.
type Retention struct {
	// EventsDays is the age at which delivered events go, with their deliveries.
	EventsDays int `yaml:"events_days"`
	// NotificationsDays is the age at which channels' callbacks go, but for those
	// that were quarantined.
	NotificationsDays int `yaml:"notifications_days"`
	// Every is how often old rows are looked for, Batch how many go at a time.
	Every time.Duration `yaml:"every"`
	Batch int           `yaml:"batch"`
}

// Console is the pages of the staff.
type Console struct {
	Enabled bool `yaml:"enabled"`
	// A login ends when nobody has used it for Idle, and after Longest.
	Idle    time.Duration `yaml:"idle"`
	Longest time.Duration `yaml:"longest"`
	// TriesUser and TriesAddress bound tries to log in within TriesWindow.
	TriesWindow  time.Duration `yaml:"tries_window"`
	TriesUser    int           `yaml:"tries_user"`
	TriesAddress int           `yaml:"tries_address"`
	// SecureCookies is auto, always or never; auto: unless this machine alone is
	// served, over http.
	SecureCookies string `yaml:"secure_cookies"`
	// TrustForwarded takes a client's address from the last X-Forwarded-For.
	TrustForwarded bool `yaml:"trust_forwarded"`
	PageSize       int  `yaml:"page_size"`
	// A page waits for a run for RunWait; the run ends after RunTimeout.
	RunWait    time.Duration `yaml:"run_wait"`
	RunTimeout time.Duration `yaml:"run_timeout"`
	// FileTimeout bounds the download of one file.
	FileTimeout time.Duration `yaml:"file_timeout"`
}

// Sandbox is the simulators of all channels, for development.
type Sandbox struct {
	Enabled     bool    `yaml:"enabled"`
	Dir         string  `yaml:"dir"`
	Listen      string  `yaml:"listen"`
	NotifyScale float64 `yaml:"notify_scale"`
	// Expose lets the gateway listen beyond this machine with a sandbox.
	Expose bool `yaml:"expose"`
}

// Log says what is logged.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// Default is what holds where a configuration says nothing.
func Default() Config {
	return Config{
		Server: Server{
			Listen: "127.0.0.1:8080", ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
			WriteTimeout: 60 * time.Second, IdleTimeout: 90 * time.Second, ShutdownTimeout: 30 * time.Second,
			MaxBodyBytes: 64 << 10, MaxHeaderBytes: 16 << 10,
		},
		Database: Database{
			Driver: "sqlite", MaxConns: 32, GroupJobs: 256,
			LockWait: 10 * time.Second, Timeout: 15 * time.Second, MaxClockSkew: 30 * time.Second,
		},
		Redis:  Redis{Timeout: 250 * time.Millisecond, KeyPrefix: "paymux:"},
		Limits: Limits{RequestsPerSecond: 100, Burst: 200},
		Payments: Payments{
			DefaultExpiry: 30 * time.Minute, BarcodeExpiry: 90 * time.Second,
			CallTimeout: 10 * time.Second, CallMargin: 65 * time.Second, LateMargin: 10 * time.Minute, MaxAttempts: 3,
			UnknownLadder: []time.Duration{
				time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute,
			},
			PendingLadder: []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute},
			BarcodeLadder: []time.Duration{2 * time.Second, 3 * time.Second, 5 * time.Second},
			RefundLadder: []time.Duration{
				5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour,
			},
			LateLadder: []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute},
		},
		Channels: Channels{DialTimeout: 3 * time.Second, TLSTimeout: 5 * time.Second, MaxConns: 256, IdleConns: 64, MaxAnswerBytes: 1 << 20, KeyRefresh: time.Hour},
		Webhooks: Webhooks{
			Timeout: 5 * time.Second, Senders: 512, PerMerchant: 64, PerEndpoint: 32,
			Lease: 15 * time.Second, Poll: time.Second, Gap: 10 * time.Millisecond,
			SlowAfter: time.Second, SlowTries: 3, SlowMerchantTries: 12, PerSlowMerchant: 4, SlowSenders: 64, EndpointsPerLook: 500,
		},
		Callbacks: Callbacks{
			ApplyTimeout: 4 * time.Second, SamplesKept: 1000, SampleBytes: 16 << 10,
			SampleQueue: 256, SampleBatch: 64, SampleEvery: time.Second,
		},
		Workers:   Workers{Poll: time.Second, Lease: time.Minute, Concurrency: 32},
		Breaker:   Breaker{Failures: 10, OpenFor: 30 * time.Second, Probes: 2, TakenOutFor: 5 * time.Minute, MaxConcurrent: 200},
		Routing:   Routing{Reload: 2 * time.Second, SlowStart: 30 * time.Second, Idle: time.Minute, Recent: 10 * time.Minute},
		Retention: Retention{EventsDays: 400, NotificationsDays: 400, Every: time.Hour, Batch: 500},
		Reconciliation: Reconciliation{
			Poll: time.Minute, Concurrency: 2, Lease: 30 * time.Second, BusyWait: 2 * time.Minute,
			DueMargin: 10 * time.Minute, LateAfter: 3 * time.Hour, CatchUpDays: 7, EdgeMargin: 10 * time.Minute,
			RetryLadder:  []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour},
			FetchTimeout: 10 * time.Minute, MaxBillBytes: 2 << 30, MaxDifferences: 50_000, MaxRepairs: 1000, SecondEyesAbove: 100_000,
			StatementQuiet: 5 * time.Minute, StatementLanguage: "zh",
		},
		Console: Console{
			Enabled: true, Idle: 15 * time.Minute, Longest: 12 * time.Hour, TriesWindow: 15 * time.Minute, TriesUser: 10, TriesAddress: 50,
			SecureCookies: "auto", PageSize: 50, RunWait: 8 * time.Second, RunTimeout: 30 * time.Minute, FileTimeout: 15 * time.Minute,
		},
		Sandbox: Sandbox{Listen: "127.0.0.1:0", NotifyScale: 1.0 / 240},
		Log:     Log{Level: "info", Format: "json"},
	}
}

// Embedded is what `serve` runs on without a configuration: SQLite, this
// process's own state and the sandbox, all under dir, with ladders as fast as
// the simulators are.
func Embedded(dir string) Config {
	c := Default()
	c.Database.Path = dir + "/paymux.db"
	c.Secrets.MasterKeyFile = dir + "/master.key"
	c.Limits = Limits{RequestsPerSecond: 2000, Burst: 4000}
	c.Payments.CallTimeout = 3 * time.Second
	c.Payments.CallMargin = time.Second
	c.Payments.LateMargin = 5 * time.Second
	c.Payments.UnknownLadder = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second}
	c.Payments.PendingLadder = []time.Duration{4 * time.Second}
	c.Payments.BarcodeLadder = []time.Duration{time.Second, 2 * time.Second}
	c.Payments.RefundLadder = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second}
	c.Payments.LateLadder = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second}
	c.Webhooks.AllowLoopback = true
	c.Workers.Poll, c.Workers.Lease, c.Workers.Concurrency = 250*time.Millisecond, 15*time.Second, 64
	c.Breaker.OpenFor, c.Breaker.TakenOutFor = 2*time.Second, 5*time.Second
	c.Routing.Reload = 500 * time.Millisecond
	// The simulators' clock is this machine's.
	c.Reconciliation.EdgeMargin = 2 * time.Second
	c.Reconciliation.Poll, c.Reconciliation.DueMargin = 5*time.Second, 10*time.Second
	c.Reconciliation.RetryLadder = []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute}
	c.Sandbox.Enabled, c.Sandbox.Dir = true, dir+"/sandbox"
	return c
}
