package payment

import (
	"errors"
	"fmt"
)

// Code is a code of the public API's problem documents.
type Code string

// The codes that the core answers with; docs/errors.md explains each.
const (
	CodeInvalidRequest    Code = "invalid_request"
	CodeNotFound          Code = "not_found"
	CodeOrderConflict     Code = "order_conflict"
	CodeRefundConflict    Code = "refund_conflict"
	CodeStatusConflict    Code = "status_conflict"
	CodeAmountExceeds     Code = "amount_exceeds_refundable"
	CodeAmountOutOfRange  Code = "amount_out_of_range"
	CodeSceneUnsupported  Code = "scene_unsupported"
	CodeCurrency          Code = "currency_unsupported"
	CodePayerMismatch     Code = "payer_mismatch"
	CodeNoChannel         Code = "no_channel_available"
	CodeTemporarilyUnable Code = "temporarily_unavailable"
	CodeNonceReused       Code = "nonce_reused"
)

// FieldError names a wrong field of a request.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error is a refusal that the caller is told.
type Error struct {
	Code    Code
	Message string
	Fields  []FieldError
	Err     error
}

// Error is the code and the message.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	for _, f := range e.Fields {
		s += fmt.Sprintf("; %s: %s", f.Field, f.Message)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// isRefusal tells whether an error is one that the caller is told.
func isRefusal(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

// Errors of the store's ports.
var (
	// ErrNotFound: no such row (for this merchant).
	ErrNotFound = errors.New("not found")
	// ErrDuplicate: a unique key is taken.
	ErrDuplicate = errors.New("already exists")
	// ErrStale: the row is not as it was read.
	ErrStale = errors.New("row changed meanwhile")
	// ErrNonceReused: the nonce of this request was used before.
	ErrNonceReused = errors.New("nonce was used before")
	// ErrUnavailable: the database cannot be reached or did not answer; what
	// was asked may or may not have happened.
	ErrUnavailable = errors.New("database is unavailable")
)
