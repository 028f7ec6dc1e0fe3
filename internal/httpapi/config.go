package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Config holds the limits of the API. Every one must be positive.
type Config struct {
	// MaxBodyBytes bounds a request's body; above it is 413.
	MaxBodyBytes int64
	// MaxJSONDepth bounds the nesting of objects and arrays.
	MaxJSONDepth int
	// MaxFieldErrors bounds the wrong fields that one problem document names.
	MaxFieldErrors int
	// DefaultPage and MaxPage bound the items of a list's page.
	DefaultPage, MaxPage int
	// ReadTimeout and WriteTimeout bound the work for one request that changes
	// nothing, or something. They must cover a channel call and its deadline.
	ReadTimeout, WriteTimeout time.Duration
	// NonceTimeout bounds the commit of a nonce by itself.
	NonceTimeout time.Duration
	// FileRate is how many bytes a second a caller must take of a file: it gives
	// large files longer than an answer has.
	FileRate int64
	// CheckTimeout bounds one check of /readyz.
	CheckTimeout time.Duration
	// RetryAfter is what a 503 asks callers to wait.
	RetryAfter time.Duration
	// MaxClockSkew is how far the clock may be off the database's.
	MaxClockSkew time.Duration
}

// DefaultConfig is the limits of the contract, and defaults where it leaves them
// open.
func DefaultConfig() Config {
	return Config{
		MaxBodyBytes:   64 << 10,
		MaxJSONDepth:   32,
		MaxFieldErrors: 100,
		DefaultPage:    20,
		MaxPage:        100,
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   30 * time.Second,
		NonceTimeout:   5 * time.Second,
		FileRate:       64 << 10,
		CheckTimeout:   2 * time.Second,
		RetryAfter:     2 * time.Second,
		MaxClockSkew:   30 * time.Second,
	}
}

func (c Config) check() error {
	limits := []struct {
		name  string
		value int64
	}{
		{"MaxBodyBytes", c.MaxBodyBytes},
		{"MaxJSONDepth", int64(c.MaxJSONDepth)},
		{"MaxFieldErrors", int64(c.MaxFieldErrors)},
		{"DefaultPage", int64(c.DefaultPage)},
		{"MaxPage", int64(c.MaxPage)},
		{"ReadTimeout", int64(c.ReadTimeout)},
		{"WriteTimeout", int64(c.WriteTimeout)},
		{"NonceTimeout", int64(c.NonceTimeout)},
		{"FileRate", c.FileRate},
		{"CheckTimeout", int64(c.CheckTimeout)},
		{"RetryAfter", int64(c.RetryAfter)},
		{"MaxClockSkew", int64(c.MaxClockSkew)},
	}
	var faults []error
	for _, l := range limits {
		if l.value <= 0 {
			faults = append(faults, fmt.Errorf("httpapi: %s must be positive", l.name))
		}
	}
	if c.DefaultPage > c.MaxPage {
		faults = append(faults, errors.New("httpapi: DefaultPage must not pass MaxPage"))
	}
	return errors.Join(faults...)
}

// Listening holds the limits of connections. Every one must be positive.
type Listening struct {
	ReadHeaderTimeout, ReadTimeout, WriteTimeout, IdleTimeout time.Duration
	MaxHeaderBytes                                            int
}

// DefaultListening is the limits of connections that fit DefaultConfig.
func DefaultListening() Listening {
	return Listening{
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
}

// NewHTTPServer makes the HTTP server for a handler. What net/http itself
// complains about (broken TLS, panics outside of handlers) goes to the logger.
func NewHTTPServer(l Listening, handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: l.ReadHeaderTimeout,
		ReadTimeout:       l.ReadTimeout,
		WriteTimeout:      l.WriteTimeout,
		IdleTimeout:       l.IdleTimeout,
		MaxHeaderBytes:    l.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		// Without it "OPTIONS *" would be answered without a request id.
		DisableGeneralOptionsHandler: true,
	}
}
