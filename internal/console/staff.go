package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/paymux/paymux/internal/audit"
	"github.com/paymux/paymux/internal/payment"
)

// Staff keeps the users; the pages and the command line both work through it.
type Staff struct {
	store  Users
	tries  Sessions
	trail  Audit
	hasher *Hasher
	now    func() time.Time
	newID  func() string
	random io.Reader
}

// StaffDeps are what Staff needs.
type StaffDeps struct {
	Users    Users
	Sessions Sessions
	Audit    Audit
	Hasher   *Hasher
	Now      func() time.Time
	// NewID makes 26 letters and digits, ordered by time.
	NewID func() string
	// Random is crypto/rand.Reader.
	Random io.Reader
}

// NewStaff makes a Staff.
func NewStaff(d StaffDeps) *Staff {
	return &Staff{store: d.Users, tries: d.Sessions, trail: d.Audit, hasher: d.Hasher, now: d.Now, newID: d.NewID, random: d.Random}
}

// NewUser is a user to make.
type NewUser struct {
	Name       string
	Role       Role
	MerchantID string
	Password   string
}

// ErrNameTaken: there is a user of that name.
var ErrNameTaken error = &InputError{"problem.name_taken"}

// Add makes a user. *InputError says what is wrong with it.
func (s *Staff) Add(ctx context.Context, actor string, n NewUser) (User, error) {
	for _, err := range []error{checkName(n.Name), checkRole(n.Role), checkPassword(n.Name, n.Password)} {
		if err != nil {
			return User{}, err
		}
	}
	hash, err := s.hasher.Hash(ctx, n.Password)
	if err != nil {
		return User{}, err
	}
	now := s.stamp()
	u := User{
		ID: "usr_" + s.newID(), Name: n.Name, Role: n.Role, MerchantID: n.MerchantID, PasswordHash: hash,
		CreatedAt: now, UpdatedAt: now, Version: 1,
	}
	err = s.store.InsertUser(ctx, u, s.entry(actor, "console_user.add", u, map[string]string{"role": string(u.Role)}))
	if errors.Is(err, payment.ErrDuplicate) {
		return User{}, ErrNameTaken
	}
	if err != nil {
		return User{}, fmt.Errorf("add console user: %w", err)
	}
	return u, nil
}

// List lists a merchant's users by name; all for an empty id.
func (s *Staff) List(ctx context.Context, merchantID string) ([]User, error) {
	list, err := s.store.ListUsers(ctx, merchantID)
	if err != nil {
		return nil, fmt.Errorf("list console users: %w", err)
	}
	return list, nil
}

// ByName finds a user; payment.ErrNotFound.
func (s *Staff) ByName(ctx context.Context, name string) (User, error) {
	return s.store.UserByName(ctx, name)
}

// SetDisabled stops a user, with all logins, or lets one in again.
func (s *Staff) SetDisabled(ctx context.Context, actor, id string, disabled bool) error {
	action := "console_user.enable"
	if disabled {
		action = "console_user.disable"
	}
	return s.change(ctx, actor, action, id, disabled, func(u *User) error {
		u.Disabled = disabled
		return nil
	})
}

// SetRole gives a user another role; logins under the one before end.
func (s *Staff) SetRole(ctx context.Context, actor, id string, role Role) error {
	if err := checkRole(role); err != nil {
		return err
	}
	return s.change(ctx, actor, "console_user.role", id, true, func(u *User) error {
		u.Role = role
		return nil
	})
}

// SetPassword gives a user another password and ends all logins. Tries that
// were counted against the user are forgotten.
func (s *Staff) SetPassword(ctx context.Context, actor, id, password string) error {
	var name string
	err := s.change(ctx, actor, "console_user.password", id, true, func(u *User) (err error) {
		if err := checkPassword(u.Name, password); err != nil {
			return err
		}
		name = u.Name
		u.PasswordHash, err = s.hasher.Hash(ctx, password)
		return err
	})
	if err != nil {
		return err
	}
	return s.tries.ForgetTries(ctx, userKey(name))
}

// ResetTOTP takes a user's second step away, for one who has lost the phone;
// all logins end.
func (s *Staff) ResetTOTP(ctx context.Context, actor, id string) error {
	return s.change(ctx, actor, "console_user.totp_reset", id, true, func(u *User) error {
		u.TOTPSecret, u.TOTPPending = nil, nil
		return nil
	})
}

// GeneratePassword makes a password for somebody who is handed it.
func (s *Staff) GeneratePassword() (string, error) { return NewPassword(s.random) }

// PasswordFits tells whether a password is a user's, without a login.
func (s *Staff) PasswordFits(ctx context.Context, u User, password string) (bool, error) {
	right, _, err := s.hasher.Verify(ctx, u.PasswordHash, password)
	return right && !u.Disabled, err
}

// change reads a user, changes it and saves it with an audit entry.
func (s *Staff) change(ctx context.Context, actor, action, id string, revoke bool, fn func(u *User) error) error {
	return s.changeKeeping(ctx, actor, action, id, revoke, "", fn)
}

func (s *Staff) changeKeeping(ctx context.Context, actor, action, id string, revoke bool, keep string, fn func(u *User) error) error {
	u, err := s.store.UserByID(ctx, id)
	if err != nil {
		return fmt.Errorf("read console user: %w", err)
	}
	if err := fn(&u); err != nil {
		return err
	}
	u.UpdatedAt = s.stamp()
	if err := s.store.SaveUser(ctx, u, revoke, keep, s.entry(actor, action, u, map[string]string{"role": string(u.Role)})); err != nil {
		return fmt.Errorf("save console user: %w", err)
	}
	return nil
}

func (s *Staff) record(ctx context.Context, e audit.Entry) error { return s.trail.RecordAudit(ctx, e) }

func (s *Staff) stamp() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// entry is an audit entry about a user.
func (s *Staff) entry(actor, action string, u User, detail map[string]string) audit.Entry {
	if detail == nil {
		detail = map[string]string{}
	}
	detail["user"] = u.Name
	return s.act(actor, action, u.MerchantID, u.ID, detail)
}

func (s *Staff) act(actor, action, merchantID, subject string, detail map[string]string) audit.Entry {
	text, err := json.Marshal(detail)
	if err != nil { // texts always have a JSON form
		text = []byte("{}")
	}
	return audit.Entry{
		ID: audit.IDPrefix + s.newID(), At: s.stamp(), Actor: actor, Action: action,
		MerchantID: merchantID, Subject: subject, Detail: string(text),
	}
}
