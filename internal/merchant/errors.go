package merchant

import (
	"errors"
	"strings"
)

// Errors of the ports and the use cases; test them with [errors.Is].
var (
	// ErrNotFound says that no such merchant, key or account exists.
	ErrNotFound = errors.New("not found")
	// ErrDuplicate says that a row with that id exists.
	ErrDuplicate = errors.New("already exists")
	// ErrIdentityTaken says that another account has the channel identity.
	ErrIdentityTaken = errors.New("an account with this channel identity exists already in this installation; update its credentials instead of adding it again")
	// ErrIdentityChanged says that new credentials belong to another identity.
	ErrIdentityChanged = errors.New("the credentials belong to another channel identity, which never changes for an account; add a new account for them")
	// ErrKeyTaken says that the public key is another merchant's.
	ErrKeyTaken = errors.New("the public key belongs to another merchant; each merchant needs a key pair of its own, make one with paymux keygen")
	// ErrKeyRevoked says that the public key was revoked before.
	ErrKeyRevoked = errors.New("the public key was revoked and stays so; make a new pair with paymux keygen")
	// ErrStale says that the row is not as it was read.
	ErrStale = errors.New("it was changed by somebody else meanwhile; look at it and try again")
)

// Fault is one wrong field of what the caller gave.
type Fault struct {
	Field   string
	Message string
}

// InvalidError lists everything that is wrong with what the caller gave. It
// never repeats a secret's value.
type InvalidError struct {
	Faults []Fault
}

// Error joins the faults, each with its field.
func (e *InvalidError) Error() string {
	parts := make([]string, 0, len(e.Faults))
	for _, f := range e.Faults {
		parts = append(parts, f.Field+" "+f.Message)
	}
	return strings.Join(parts, "; ")
}

// faults collects what is wrong before one error is made of it.
type faults []Fault

func (f *faults) add(field, message string) { *f = append(*f, Fault{Field: field, Message: message}) }

func (f *faults) err() error {
	if len(*f) == 0 {
		return nil
	}
	return &InvalidError{Faults: *f}
}
