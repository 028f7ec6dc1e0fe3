package billfile

import (
	"errors"
	"fmt"
	"io"

	"github.com/paymux/paymux/channels"
)

// Source is an original that is being read. It remembers when reading itself
// failed, so that a failing disk or database is not taken for a broken bill.
type Source struct {
	r    io.ReaderAt
	size int64
	// left bounds what may be read; negative: no bound.
	left int64
	err  error
}

// ErrTooMuch is the cause when reading passes a bound.
var ErrTooMuch = errors.New("more is to be read than the limit")

// errPlace is the cause when a broken file leads outside of itself.
var errPlace = errors.New("it points outside of itself")

// NewSource reads the size bytes of r without a bound.
func NewSource(r io.ReaderAt, size int64) *Source { return &Source{r: r, size: size, left: -1} }

// Bound allows most further bytes; negative: any number.
func (s *Source) Bound(most int64) { s.left = most }

// ReadAt reads on.
func (s *Source) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > s.size {
		return 0, errPlace
	}
	if s.left >= 0 {
		if s.left -= int64(len(p)); s.left < 0 {
			s.left = 0
			return 0, ErrTooMuch
		}
	}
	n, err := s.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// Err is why the original could not be read; nil where that is not what failed.
func (s *Source) Err() error { return s.err }

// CallerError is an error of the function that is told the rows, on its way out.
type CallerError struct{ Err error }

// Error is the caller's own.
func (e *CallerError) Error() string { return e.Err.Error() }

// Unwrap gives the caller's own.
func (e *CallerError) Unwrap() error { return e.Err }

// Verdict is what ReadBill says of err: that the original of what is named could
// not be read, the caller's own error, or that the bill is broken.
func (s *Source) Verdict(name string, err error) error {
	if s.err != nil {
		return fmt.Errorf("read the original of %s: %w", name, s.err)
	}
	var caller *CallerError
	if errors.As(err, &caller) {
		return caller.Err
	}
	var broken *channels.BrokenBillError
	if errors.As(err, &broken) {
		return broken
	}
	return Broken(0, "%s", Reason(err))
}

// Capped reads from r and fails with ErrTooMuch after most bytes.
func Capped(r io.Reader, most int64) io.Reader { return &capped{r: r, left: most} }

type capped struct {
	r    io.Reader
	left int64
}

// Read reads on.
func (c *capped) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, ErrTooMuch
	}
	return n, err
}
