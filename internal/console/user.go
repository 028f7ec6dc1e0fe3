package console

import (
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"time"
)

// Role says what a user may do; the table is in permissions.go.
type Role string

// The roles.
const (
	// Finance reads days, works on differences and fetches files.
	Finance Role = "finance"
	// Operations also looks into payments, asks channels and sends again.
	Operations Role = "operations"
	// Admin also keeps the users and reads the audit trail.
	Admin Role = "admin"
)

// Roles lists every role.
func Roles() []Role { return []Role{Finance, Operations, Admin} }

// User is a member of the staff. Times are UTC, to the millisecond.
type User struct {
	ID string // "usr_" and a ULID
	// Name is what the user logs in with: 2 to 32 of [a-z0-9._-].
	Name string
	Role Role
	// MerchantID is whose business the user sees; empty: the operator's staff,
	// who see every merchant's.
	MerchantID string
	// PasswordHash is in the form of the PHC string format.
	PasswordHash string
	// TOTPSecret makes the codes of the second step; empty: no second step.
	// TOTPPending is one that the user has not confirmed yet.
	TOTPSecret, TOTPPending []byte
	// TOTPStep is the time step of the last code that was used.
	TOTPStep    int64
	Disabled    bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
	LastLoginAt time.Time
	// Version is the compare-and-set counter of the row.
	Version int64
}

// HasTOTP tells whether the user logs in with a second step.
func (u User) HasTOTP() bool { return len(u.TOTPSecret) > 0 }

// Operator tells whether the user sees every merchant.
func (u User) Operator() bool { return u.MerchantID == "" }

// String names the user and nothing secret.
func (u User) String() string { return "console user " + u.Name }

// GoString is String, so that no format verb prints the hash.
func (u User) GoString() string { return u.String() }

// LogValue is String.
func (u User) LogValue() slog.Value { return slog.StringValue(u.String()) }

// Stage is how far a login is.
type Stage string

// The stages.
const (
	// StageCode: the password was right, the code is still to come.
	StageCode Stage = "code"
	// StageFull: logged in.
	StageFull Stage = "full"
)

// Session is a login. The browser has a token of which only the hash is kept.
type Session struct {
	// Hash is the lower-case hex SHA-256 of the token.
	Hash   string
	UserID string
	Stage  Stage
	// Address is where it was made from, for people.
	Address   string
	CreatedAt time.Time
	SeenAt    time.Time
	// ExpiresAt is when it ends whatever is done with it.
	ExpiresAt time.Time
	// Version is the user's when a session begins; it is not kept. A user who is
	// another one by then (a new password, disabled) begins none.
	Version int64
}

// Errors of logging in; a person is told no more than these say.
var (
	// ErrWrongLogin: name, password or code is wrong, or the user is disabled.
	ErrWrongLogin = errors.New("the name or the password is wrong")
	// ErrThrottled: too many tries.
	ErrThrottled = errors.New("too many tries to log in; wait some minutes")
	// ErrBusy: too many logins at this moment.
	ErrBusy = errors.New("too many logins at once; try again in a moment")
)

// InputError is what a person gave wrong; Key names the message that says what
// to do.
type InputError struct{ Key string }

// Error is the message in English.
func (e *InputError) Error() string { return say(english, e.Key) }

var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,31}$`)

// maxPassword bounds the work for one password.
const (
	minPassword      = 12
	maxPassword      = 256
	leastDifferent   = 5
	generatedLetters = 20
)

// checkName refuses what cannot be a user's name.
func checkName(name string) error {
	if !userName.MatchString(name) {
		return &InputError{"problem.user_name"}
	}
	return nil
}

func checkRole(role Role) error {
	if !slices.Contains(Roles(), role) {
		return &InputError{"problem.role"}
	}
	return nil
}

// checkPassword refuses passwords that are guessed first.
func checkPassword(name, password string) error {
	different := map[rune]bool{}
	n := 0
	for _, r := range password {
		different[r] = true
		n++
	}
	if n < minPassword || len(password) > maxPassword || len(different) < leastDifferent || containsFold(password, name) {
		return &InputError{"problem.password_rule"}
	}
	return nil
}
