package console

import (
	"context"
	"fmt"
	"io"
)

// ChangePassword gives a user a password of their own choice. All other
// sessions end, and this one goes on under a new token.
func (l *Logins) ChangePassword(ctx context.Context, u User, s Session, old, next, address string) (token string, err error) {
	if err := l.confirm(ctx, u, old, address); err != nil {
		return "", err
	}
	if err := checkPassword(u.Name, next); err != nil {
		return "", err
	}
	hash, err := l.staff.hasher.Hash(ctx, next)
	if err != nil {
		return "", err
	}
	err = l.staff.changeKeeping(ctx, u.Name, "console_user.password", u.ID, true, s.Hash, func(u *User) error {
		u.PasswordHash = hash
		return nil
	})
	if err != nil {
		return "", err
	}
	if u, err = l.staff.store.UserByID(ctx, u.ID); err != nil {
		return "", fmt.Errorf("read console user: %w", err)
	}
	token, _, err = l.start(ctx, u, StageFull, s.Hash, address)
	return token, err
}

// confirm asks a user who is logged in for the password again. Tries are
// counted as those of a login are.
func (l *Logins) confirm(ctx context.Context, u User, password, address string) error {
	if err := l.count(ctx, userKey(u.Name), l.limits.TriesUser, addressKey(address), l.limits.TriesAddress); err != nil {
		return err
	}
	right, _, err := l.staff.hasher.Verify(ctx, u.PasswordHash, password)
	if err != nil {
		return err
	}
	if !right {
		return l.failed(ctx, u, "console.confirm_failed", address)
	}
	return l.staff.tries.ForgetTries(ctx, userKey(u.Name))
}

// BeginTOTP makes a secret that the user must confirm with a code of it.
func (l *Logins) BeginTOTP(ctx context.Context, u User, password, address string) error {
	if err := l.confirm(ctx, u, password, address); err != nil {
		return err
	}
	secret := make([]byte, totpSecret)
	if _, err := io.ReadFull(l.staff.random, secret); err != nil {
		return fmt.Errorf("make a secret: %w", err)
	}
	return l.staff.change(ctx, u.Name, "console_user.totp_begin", u.ID, false, func(u *User) error {
		u.TOTPPending = secret
		return nil
	})
}

// ConfirmTOTP makes the pending secret the one that counts; other sessions end.
func (l *Logins) ConfirmTOTP(ctx context.Context, u User, s Session, code, address string) error {
	if err := l.count(ctx, codeKey(u.ID), l.limits.TriesUser, addressKey(address), l.limits.TriesAddress); err != nil {
		return err
	}
	if len(u.TOTPPending) == 0 {
		return &InputError{"problem.totp_not_begun"}
	}
	step, ok := totpMatch(u.TOTPPending, code, l.staff.now(), u.TOTPStep)
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
	return l.staff.changeKeeping(ctx, u.Name, "console_user.totp", u.ID, true, s.Hash, func(u *User) error {
		u.TOTPSecret, u.TOTPPending = u.TOTPPending, nil
		return nil
	})
}

// RemoveTOTP ends the second step.
func (l *Logins) RemoveTOTP(ctx context.Context, u User, s Session, password, address string) error {
	if err := l.confirm(ctx, u, password, address); err != nil {
		return err
	}
	return l.staff.changeKeeping(ctx, u.Name, "console_user.totp_remove", u.ID, true, s.Hash, func(u *User) error {
		u.TOTPSecret, u.TOTPPending = nil, nil
		return nil
	})
}
