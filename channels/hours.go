package channels

import (
	"fmt"
	"slices"
	"time"
)

// minutesOfDay is the length of a day: in Asia/Shanghai all days are alike.
const minutesOfDay = 24 * 60

// Hours is a span of each day in Asia/Shanghai, "08:00-22:30": its first minute
// is in it, its last is not. One that ends before it begins passes midnight. The
// zero value is no span.
type Hours struct {
	from, to int // minutes since midnight
}

// ParseHours reads "08:00-22:30"; the end may be 24:00.
func ParseHours(s string) (Hours, error) {
	var h Hours
	if len(s) == len("00:00-00:00") && s[5] == '-' {
		from, okFrom := minuteOfDay(s[:5])
		to, okTo := minuteOfDay(s[6:])
		h = Hours{from, to}
		if okFrom && okTo && from < minutesOfDay && from != to && (to > 0 || from == 0) {
			return h, nil
		}
	}
	return Hours{}, fmt.Errorf("%q is not a span of a day; write it as 08:00-22:30, its end as 24:00 for midnight", s)
}

// minuteOfDay reads "15:04", up to "24:00".
func minuteOfDay(s string) (int, bool) {
	digit := func(i int) int { return int(s[i]) - '0' }
	for _, i := range []int{0, 1, 3, 4} {
		if d := digit(i); d < 0 || d > 9 {
			return 0, false
		}
	}
	hour, minute := digit(0)*10+digit(1), digit(3)*10+digit(4)
	total := hour*60 + minute
	return total, s[2] == ':' && minute < 60 && total <= minutesOfDay
}

// IsZero tells whether it is no span.
func (h Hours) IsZero() bool { return h == Hours{} }

// Bounds are the first minute of the day in the span and the first one after
// it, 0 to 1440; the latter is less where the span passes midnight.
func (h Hours) Bounds() (from, to int) { return h.from, h.to }

// Holds tells whether a minute of the day is in the span.
func (h Hours) Holds(minute int) bool {
	if h.from < h.to {
		return h.from <= minute && minute < h.to
	}
	return h.from <= minute || minute < h.to
}

// String is "08:00-22:30".
func (h Hours) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", h.from/60, h.from%60, h.to/60, h.to%60)
}

// MarshalText is String.
func (h Hours) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText is ParseHours.
func (h *Hours) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHours(string(text))
	return err
}

// MinuteAt is the minute of the day in Asia/Shanghai at a moment, 0 to 1439.
func MinuteAt(t time.Time) int {
	t = t.In(beijing)
	return t.Hour()*60 + t.Minute()
}

// WeekdayAt is the day of the week in Asia/Shanghai at a moment.
func WeekdayAt(t time.Time) time.Weekday { return t.In(beijing).Weekday() }

// OpenAt tells whether a moment is in one of the spans; without any it always is.
func OpenAt(hours []Hours, t time.Time) bool {
	if len(hours) == 0 {
		return true
	}
	minute := MinuteAt(t)
	return slices.ContainsFunc(hours, func(h Hours) bool { return h.Holds(minute) })
}
