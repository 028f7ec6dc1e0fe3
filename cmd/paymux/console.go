package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/paymux/paymux/internal/app"
	pages "github.com/paymux/paymux/internal/console"
	"github.com/paymux/paymux/internal/payment"
)

func newConsoleUserCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "console-user",
		Short: "Keep the users of the console",
		Long: "Roles: finance (days, discrepancies, files), operations (also single payments, callbacks, webhooks) and admin\n" +
			"(also users and the audit trail). A user belongs to one merchant, or, without --merchant, to the operator, and\n" +
			"sees all merchants then. Works beside a running serve.",
		Example: example("paymux console-user add --name anna --role finance", "paymux console-user list --json"),
		RunE:    needSubcommand,
	}
	c.AddCommand(
		newConsoleUserAddCommand(env), newConsoleUserListCommand(env),
		newConsoleUserChangeCommand(env, "disable", "Stop a user and end all logins", func(ctx context.Context, s *pages.Staff, id string) error {
			return s.SetDisabled(ctx, actor(), id, true)
		}),
		newConsoleUserChangeCommand(env, "enable", "Let a disabled user log in again", func(ctx context.Context, s *pages.Staff, id string) error {
			return s.SetDisabled(ctx, actor(), id, false)
		}),
		newConsoleUserPasswordCommand(env),
		newConsoleUserChangeCommand(env, "totp-reset", "Take the second step away from a user who has lost the phone", func(ctx context.Context, s *pages.Staff, id string) error {
			return s.ResetTOTP(ctx, actor(), id)
		}),
	)
	return c
}

// consoleUserView is a user as commands print it.
type consoleUserView struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Role       string     `json:"role"`
	MerchantID *string    `json:"merchant_id"`
	SecondStep bool       `json:"second_step"`
	Disabled   bool       `json:"disabled"`
	CreatedAt  time.Time  `json:"created_at"`
	LastLogin  *time.Time `json:"last_login_at"`
}

func viewConsoleUser(u pages.User) consoleUserView {
	v := consoleUserView{ID: u.ID, Name: u.Name, Role: string(u.Role), SecondStep: u.HasTOTP(), Disabled: u.Disabled, CreatedAt: u.CreatedAt}
	if u.MerchantID != "" {
		v.MerchantID = &u.MerchantID
	}
	if !u.LastLoginAt.IsZero() {
		v.LastLogin = &u.LastLoginAt
	}
	return v
}

func (v consoleUserView) merchant() string {
	if v.MerchantID == nil {
		return "all"
	}
	return *v.MerchantID
}

func (v consoleUserView) state() string {
	if v.Disabled {
		return "disabled"
	}
	return "active"
}

// consoleWork is what the commands on users have in common.
type consoleWork struct {
	work
	name string
	// passwordFile is where a password is read from; empty: one is made and kept
	// in out.
	passwordFile, out string
}

func (w *consoleWork) requireName(c *cobra.Command) {
	w.flags(c)
	c.Flags().StringVar(&w.name, "name", "", "the user's name")
	require(c, "name")
}

func (w *consoleWork) passwordFlags(c *cobra.Command) {
	c.Flags().StringVar(&w.passwordFile, "password-file", "", "file with the password, or - for stdin (default: one is made)")
	c.Flags().StringVar(&w.out, "out", "", "file for a password that is made (default: console-NAME.password in the data folder)")
	c.MarkFlagsMutuallyExclusive("password-file", "out")
}

func newConsoleUserAddCommand(env *environment) *cobra.Command {
	w := &consoleWork{work: work{env: env}}
	var role string
	c := &cobra.Command{
		Use: "add", Short: "Add a user", Args: cobra.NoArgs,
		Long:    "Without --password-file a password is made and written to a file, not printed; the user changes it in the console.",
		Example: example("paymux console-user add --name anna --role finance", "paymux console-user add --name ben --role operations --merchant mer_01… --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error { return w.add(c.Context(), in, pages.Role(role)) })
		},
	}
	w.requireName(c)
	c.Flags().StringVar(&role, "role", "", "finance, operations or admin")
	c.Flags().StringVar(&w.merchantID, "merchant", "", "id of the user's merchant, mer_… (default: the operator's staff)")
	w.passwordFlags(c)
	require(c, "role")
	return c
}

func (w *consoleWork) add(ctx context.Context, in *app.Installation, role pages.Role) error {
	if w.merchantID != "" {
		if _, err := in.Merchants.Profile(ctx, w.merchantID); err != nil {
			return err
		}
	}
	staff := in.Staff()
	path, err := w.withPassword(in, staff, func(password string) error {
		_, err := staff.Add(ctx, actor(), pages.NewUser{Name: w.name, Role: role, MerchantID: w.merchantID, Password: password})
		return err
	})
	if err != nil {
		return wrongUser(err)
	}
	u, err := staff.ByName(ctx, w.name)
	if err != nil {
		return err
	}
	return w.printUser(u, path)
}

// printUser prints a user, and where a password that was made is kept.
func (w *consoleWork) printUser(u pages.User, passwordFile string) error {
	view := struct {
		consoleUserView
		PasswordFile string `json:"password_file,omitempty"`
	}{viewConsoleUser(u), passwordFile}
	return w.print(view, func(out *tabwriter.Writer) {
		row(out, "user", view.Name)
		row(out, "role", view.Role)
		row(out, "merchant", view.merchant())
		row(out, "state", view.state())
		if passwordFile != "" {
			row(out, "password", passwordFile)
		}
	})
}

// withPassword gives use the password of a file, or one that is made and kept
// once use has taken it; path is where.
func (w *consoleWork) withPassword(in *app.Installation, staff *pages.Staff, use func(password string) error) (path string, err error) {
	if w.passwordFile != "" {
		password, err := w.readPassword()
		if err != nil {
			return "", err
		}
		return "", use(password)
	}
	if path, err = w.passwordPath(in); err != nil {
		return "", err
	}
	password, err := staff.GeneratePassword()
	if err != nil {
		return "", err
	}
	// A place for it comes first: nobody could use one that cannot be kept.
	file, err := newPendingFile(path)
	if err != nil {
		return "", fmt.Errorf("make a file for the password: %w", err)
	}
	if err := use(password); err != nil {
		file.discard()
		return "", err
	}
	if err := file.commit([]byte(password + "\n")); err != nil {
		file.discard()
		return "", fmt.Errorf("the password is set but could not be kept (%w); set another one with: paymux console-user password", err)
	}
	return path, nil
}

// maxPasswordFile bounds a password's file, in bytes.
const maxPasswordFile = 4096

func (w *consoleWork) readPassword() (string, error) {
	from := w.env.stdin
	if w.passwordFile != "-" {
		f, err := os.Open(w.passwordFile)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		defer func() { _ = f.Close() }()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxPasswordFile))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

func (w *consoleWork) passwordPath(in *app.Installation) (string, error) {
	if w.out != "" {
		return filepath.Abs(w.out)
	}
	data, err := w.folder(in.Config)
	if err != nil {
		return "", err
	}
	return filepath.Join(data, "console-"+filepath.Base(w.name)+".password"), nil
}

func newConsoleUserListCommand(env *environment) *cobra.Command {
	w := &work{env: env}
	c := &cobra.Command{
		Use: "list", Short: "List all users", Args: cobra.NoArgs,
		Example: example("paymux console-user list", "paymux console-user list --config paymux.yaml --json"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error {
				list, err := in.Staff().List(c.Context(), "")
				if err != nil {
					return err
				}
				views := make([]consoleUserView, len(list))
				for i, u := range list {
					views[i] = viewConsoleUser(u)
				}
				return w.print(map[string]any{"data": views}, func(out *tabwriter.Writer) {
					row(out, "USER", "ROLE", "MERCHANT", "SECOND STEP", "STATE", "CREATED")
					for _, v := range views {
						step := "off"
						if v.SecondStep {
							step = "on"
						}
						row(out, v.Name, v.Role, v.merchant(), step, v.state(), v.CreatedAt.Format(time.RFC3339))
					}
				})
			})
		},
	}
	w.flags(c)
	return c
}

func newConsoleUserPasswordCommand(env *environment) *cobra.Command {
	w := &consoleWork{work: work{env: env}}
	c := &cobra.Command{
		Use: "password", Short: "Give a user another password and end all logins", Args: cobra.NoArgs,
		Long:    "Without --password-file a password is made and written to a file, not printed. Tries that were counted are forgotten.",
		Example: example("paymux console-user password --name anna", "paymux console-user password --name anna --password-file - < secret.txt"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error {
				var path string
				return w.change(c.Context(), in, func(ctx context.Context, staff *pages.Staff, id string) (err error) {
					path, err = w.withPassword(in, staff, func(password string) error { return staff.SetPassword(ctx, actor(), id, password) })
					return err
				}, &path)
			})
		},
	}
	w.requireName(c)
	w.passwordFlags(c)
	return c
}

func newConsoleUserChangeCommand(env *environment, use, short string, do func(ctx context.Context, s *pages.Staff, id string) error) *cobra.Command {
	w := &consoleWork{work: work{env: env}}
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		Example: example("paymux console-user " + use + " --name anna"),
		RunE: func(c *cobra.Command, _ []string) error {
			return w.do(c.Context(), func(in *app.Installation) error { return w.change(c.Context(), in, do, new(string)) })
		},
	}
	w.requireName(c)
	return c
}

// change finds the user, does something and prints what it is now.
func (w *consoleWork) change(ctx context.Context, in *app.Installation, do func(ctx context.Context, s *pages.Staff, id string) error, path *string) error {
	staff := in.Staff()
	u, err := staff.ByName(ctx, w.name)
	if errors.Is(err, payment.ErrNotFound) {
		return fmt.Errorf("there is no console user %q; see: paymux console-user list", w.name)
	}
	if err != nil {
		return err
	}
	if err := do(ctx, staff, u.ID); err != nil {
		return wrongUser(err)
	}
	if u, err = staff.ByName(ctx, w.name); err != nil {
		return err
	}
	return w.printUser(u, *path)
}

// wrongUser makes what the caller gave wrong a usage error; a name that is
// taken is none.
func wrongUser(err error) error {
	if errors.Is(err, pages.ErrNameTaken) {
		return err
	}
	if _, ok := errors.AsType[*pages.InputError](err); ok {
		return &usageError{err}
	}
	return err
}
