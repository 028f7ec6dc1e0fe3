package credentials

import "time"

// Duration is a length of time that may be given in whole units; absent
// otherwise.
func Duration(given *int, unit, absent time.Duration) time.Duration {
	if given == nil {
		return absent
	}
	return time.Duration(*given) * unit
}
