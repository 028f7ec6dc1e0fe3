package billfile

import (
	"fmt"

	"github.com/paymux/paymux/channels"
)

// The limits of one bill's file. Where an account's credentials have their own
// they count.
const (
	// MaxBytes is the largest original, packed as it comes: 2 GiB.
	MaxBytes = 2 << 30
	// MaxUnpackedBytes is the most that it may unpack to: 64 GiB.
	MaxUnpackedBytes = 64 << 30
	// MaxLine is the longest line, in bytes. Lines of bills have some 300.
	MaxLine = 64 << 10
)

// CheckLimits says what is wrong with limits that an account sets; zero is the
// default.
func CheckLimits(maxBytes, maxUnpacked int64) error {
	if maxBytes < 0 || maxUnpacked < 0 {
		return fmt.Errorf("bill_max_bytes and bill_max_unpacked_bytes must be 1 or more; leave them out for %d and %d", int64(MaxBytes), int64(MaxUnpackedBytes))
	}
	return nil
}

// Limit is v, or the default where v is zero.
func Limit(v, absent int64) int64 {
	if v <= 0 {
		return absent
	}
	return v
}

// Broken makes the error of a file that cannot be trusted; line 0 is the file
// as a whole.
func Broken(line int64, format string, args ...any) *channels.BrokenBillError {
	return &channels.BrokenBillError{Line: line, Detail: fmt.Sprintf(format, args...)}
}
