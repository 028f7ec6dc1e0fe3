package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
)

// environment is what commands get from outside.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	now            func() time.Time
	// colour tells whether stdout is a terminal that shows colours.
	colour bool
}

func newEnvironment() *environment {
	env := &environment{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(), now: time.Now}
	info, err := os.Stdout.Stat()
	env.colour = err == nil && info.Mode()&os.ModeCharDevice != 0 && env.getenv("NO_COLOR") == "" && env.getenv("TERM") != "dumb"
	return env
}

func (env *environment) getenv(name string) string {
	for _, entry := range env.environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// installation is the flags by which a command finds its installation.
type installation struct {
	configFile, dataDir string
	// mayBegin: the command may make an embedded installation where there is
	// none; for every other one a folder without is most likely misspelt.
	mayBegin bool
}

const defaultDataDir = "./data"

func (i *installation) flags(c *cobra.Command) {
	c.Flags().StringVar(&i.configFile, "config", "", "configuration file; without it the embedded default in --data")
	c.Flags().StringVar(&i.dataDir, "data", defaultDataDir, "folder of the embedded default")
	c.MarkFlagsMutuallyExclusive("config", "data")
}

func (i *installation) source(env *environment) app.Source {
	return app.Source{ConfigFile: i.configFile, DataDir: i.dataDir, Environ: env.environ}
}

// open opens the installation for a command; the schema must fit.
func (i *installation) open(ctx context.Context, env *environment) (*app.Installation, error) {
	source := i.source(env)
	if !i.mayBegin && !source.Exists() {
		return nil, fmt.Errorf("there is no installation in %s; start paymux serve on it once, or name another folder with --data", i.dataDir)
	}
	return app.OpenForCommand(ctx, source, env.quietLogger(), env.now)
}

// logger logs to stderr as the configuration says.
func (env *environment) logger(level, format string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: l}
	if format == "text" {
		return slog.New(slog.NewTextHandler(env.stderr, options))
	}
	return slog.New(slog.NewJSONHandler(env.stderr, options))
}

// quietLogger is for commands whose user reads stderr: warnings only.
func (env *environment) quietLogger() *slog.Logger { return env.logger("warn", "text") }

// printJSON writes a result for machines, one line.
func (env *environment) printJSON(v any) error {
	return json.NewEncoder(env.stdout).Encode(v)
}
