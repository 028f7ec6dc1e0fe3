package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// version is set when the binary is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, newEnvironment(), os.Args[1:]))
}

// run executes a command line and gives the exit code.
func run(ctx context.Context, env *environment, args []string) int {
	root := newRootCommand(env)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var wrong *usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &wrong):
		_, _ = fmt.Fprintf(env.stderr, "paymux: %v\n", err)
		return exitUsage
	case errors.Is(err, errReported):
		return exitFailed
	default:
		_, _ = fmt.Fprintf(env.stderr, "paymux: %v\n", err)
		return exitFailed
	}
}

// usageError is a command line that cannot be understood.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// errReported is a failure about which everything has been said.
var errReported = errors.New("failed")

func newRootCommand(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:           "paymux",
		Short:         "A payment gateway for Alipay, WeChat Pay and UnionPay behind one signed API",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs, // an unknown command is named by needSubcommand
		RunE:          needSubcommand,
	}
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
	})
	root.AddCommand(
		newServeCommand(env), newDemoCommand(env), newSandboxCommand(env), newMigrateCommand(env), newCallCommand(env), newDoctorCommand(env),
		newMerchantCommand(env), newAccountCommand(env), newKeygenCommand(env), newConsoleUserCommand(env), newSecretsCommand(env), newPlatformKeyCommand(env),
		newPaymentCommand(env), newRefundCommand(env), newEventCommand(env), newAuditCommand(env),
		newRoutesCommand(env), newReconcileCommand(env),
	)
	misuse(root)
	return root
}

// needSubcommand is run by commands that do nothing by themselves.
func needSubcommand(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{fmt.Errorf("unknown command %q; see %s --help", args[0], c.CommandPath())}
	}
	_ = c.Help()
	return &usageError{errors.New("a command is missing")}
}

// misuse makes wrong arguments and missing flags usage errors everywhere.
func misuse(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return &usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
			}
			return nil
		}
	}
	// The last step before the library's own check, which gives no usage error.
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		if err := errors.Join(c.ValidateRequiredFlags(), c.ValidateFlagGroups()); err != nil {
			return &usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
		}
		return nil
	}
	for _, sub := range c.Commands() {
		misuse(sub)
	}
}

// example joins lines of a command's example, indented as help shows them.
func example(lines ...string) string { return "  " + strings.Join(lines, "\n  ") }
