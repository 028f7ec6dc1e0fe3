package console

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/paymux/paymux/internal/payment"
)

// LoginLimits bound logins.
type LoginLimits struct {
	// Window is how long tries are counted together: TriesUser of them for one
	// name and TriesAddress from one address. A login that comes right forgets
	// the name's.
	Window       time.Duration
	TriesUser    int
	TriesAddress int
	// Idle ends a session that nobody used for so long, Longest every session.
	Idle, Longest time.Duration
}

// codeTime is how long a person has for the second step.
const codeTime = 5 * time.Minute

// actorUnknown stands in the trail for names that are nobody's: people type
// passwords into the wrong field.
const actorUnknown = "console:unknown"

const tokenBytes = 32

// Logins begins, finds and ends sessions.
type Logins struct {
	staff  *Staff
	store  Sessions
	limits LoginLimits
}

// NewLogins makes a Logins.
func NewLogins(staff *Staff, store Sessions, limits LoginLimits) *Logins {
	return &Logins{staff: staff, store: store, limits: limits}
}

// Begin logs a user in with a password. The session is not complete where a
// code is needed too. ErrWrongLogin, ErrThrottled, ErrBusy.
func (l *Logins) Begin(ctx context.Context, name, password, address string) (token string, s Session, err error) {
	if err := l.count(ctx, userKey(name), l.limits.TriesUser, addressKey(address), l.limits.TriesAddress); err != nil {
		return "", Session{}, err
	}
	u, err := l.staff.store.UserByName(ctx, name)
	if err != nil && !errors.Is(err, payment.ErrNotFound) {
		return "", Session{}, fmt.Errorf("read console user: %w", err)
	}
	right, outdated, err := l.staff.hasher.Verify(ctx, u.PasswordHash, password)
	if err != nil {
		return "", Session{}, err
	}
	if !right || u.Disabled {
		return "", Session{}, l.failed(ctx, u, "console.login_failed", address)
	}
	if err := l.store.ForgetTries(ctx, userKey(name)); err != nil {
		return "", Session{}, fmt.Errorf("log in: %w", err)
	}
	if outdated {
		u = l.rehash(ctx, u, password)
	}
	stage := StageFull
	if u.HasTOTP() {
		stage = StageCode
	}
	return l.start(ctx, u, stage, "", address)
}

// Finish takes the code of a session that waits for it and replaces it by a
// complete one. ErrWrongLogin, ErrThrottled.
func (l *Logins) Finish(ctx context.Context, u User, waiting Session, code, address string) (token string, s Session, err error) {
	if err := l.count(ctx, codeKey(u.ID), l.limits.TriesUser, addressKey(address), l.limits.TriesAddress); err != nil {
		return "", Session{}, err
	}
	if err := l.useCode(ctx, u, code); err != nil {
		if errors.Is(err, ErrWrongLogin) {
			err = l.failed(ctx, u, "console.code_failed", address)
		}
		return "", Session{}, err
	}
	if err := l.store.ForgetTries(ctx, codeKey(u.ID)); err != nil {
		return "", Session{}, fmt.Errorf("log in: %w", err)
	}
	return l.start(ctx, u, StageFull, waiting.Hash, address)
}

// useCode uses up a code of a user; ErrWrongLogin for a wrong one and for one
// that was used.
func (l *Logins) useCode(ctx context.Context, u User, code string) error {
	step, ok := totpMatch(u.TOTPSecret, code, l.staff.now(), u.TOTPStep)
	if !ok {
		return ErrWrongLogin
	}
	first, err := l.staff.store.UseTOTPStep(ctx, u.ID, step)
	if err != nil {
		return fmt.Errorf("use a code: %w", err)
	}
	if !first {
		return ErrWrongLogin
	}
	return nil
}

// Find gives the session of a token with its user; payment.ErrNotFound where
// there is none any more.
func (l *Logins) Find(ctx context.Context, token string) (Session, User, error) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return Session{}, User{}, payment.ErrNotFound
	}
	s, u, err := l.store.SessionByHash(ctx, tokenHash(token))
	if err != nil {
		return Session{}, User{}, err
	}
	now := l.staff.stamp()
	idle := now.Sub(s.SeenAt)
	if u.Disabled || !now.Before(s.ExpiresAt) || idle >= l.limits.Idle {
		return Session{}, User{}, payment.ErrNotFound
	}
	// Written now and then only: most reads need no write.
	if idle > l.limits.Idle/15 {
		if err := l.store.TouchSession(ctx, s.Hash, now); err != nil {
			return Session{}, User{}, fmt.Errorf("touch session: %w", err)
		}
	}
	return s, u, nil
}

// End logs out.
func (l *Logins) End(ctx context.Context, s Session, u User) error {
	return l.store.DeleteSession(ctx, s.Hash, l.staff.entry(u.Name, "console.logout", u, nil))
}

// start begins a session under a fresh token; the one before it ends.
func (l *Logins) start(ctx context.Context, u User, stage Stage, before, address string) (string, Session, error) {
	var raw [tokenBytes]byte
	if _, err := io.ReadFull(l.staff.random, raw[:]); err != nil {
		return "", Session{}, fmt.Errorf("make a session: %w", err)
	}
	token := base64.RawURLEncoding.EncodeToString(raw[:])
	now := l.staff.stamp()
	s := Session{Hash: tokenHash(token), UserID: u.ID, Stage: stage, Address: address, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(l.limits.Longest), Version: u.Version}
	action := "console.login"
	if stage == StageCode {
		s.ExpiresAt = now.Add(codeTime)
		action = "console.password_right"
	}
	entry := l.staff.entry(u.Name, action, u, map[string]string{"address": address})
	if err := l.store.InsertSession(ctx, s, before, entry); err != nil {
		return "", Session{}, fmt.Errorf("begin session: %w", err)
	}
	return token, s, nil
}

// count counts a try under each key before anything else is done, so that no
// number of them at once passes the limit.
func (l *Logins) count(ctx context.Context, user string, mostUser int, address string, mostAddress int) error {
	over := false
	for _, c := range []struct {
		key  string
		most int
	}{{address, mostAddress}, {user, mostUser}} {
		n, err := l.store.CountTry(ctx, c.key, l.staff.stamp(), l.limits.Window)
		if err != nil {
			return fmt.Errorf("count tries to log in: %w", err)
		}
		over = over || n > c.most
	}
	if over {
		return ErrThrottled
	}
	return nil
}

// failed keeps a failed try in the trail and answers it.
func (l *Logins) failed(ctx context.Context, u User, action, address string) error {
	actor := actorUnknown
	if u.Name != "" {
		actor = u.Name
	}
	err := l.staff.record(ctx, l.staff.act(actor, action, u.MerchantID, u.ID, map[string]string{"address": address}))
	if err != nil {
		return fmt.Errorf("record a failed login: %w", err)
	}
	return ErrWrongLogin
}

// rehash keeps the password under today's cost and gives the user as it is
// then. That it fails hurts nobody: the next login tries again.
func (l *Logins) rehash(ctx context.Context, u User, password string) User {
	hash, err := l.staff.hasher.Hash(ctx, password)
	if err != nil {
		return u
	}
	next := u
	next.PasswordHash = hash
	if l.staff.store.SaveUser(ctx, next, false, "", l.staff.entry(u.Name, "console_user.rehash", u, nil)) != nil {
		return u
	}
	next.Version++
	return next
}

// tokenHash is what is kept of a token: it has 256 random bits, so a plain hash
// is enough.
func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Keys of tries; what people type is hashed, so that it is bounded and unread.
func userKey(name string) string { return "user/" + digest(name) }

func codeKey(userID string) string { return "code/" + digest(userID) }

func addressKey(address string) string { return "address/" + digest(address) }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}
