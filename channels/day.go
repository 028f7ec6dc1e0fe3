package channels

import (
	"fmt"
	"time"
)

// beijing is Asia/Shanghai, which has had no daylight saving since 1991; a
// fixed zone needs no zone database on the machine.
var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

// Day is a calendar day in Asia/Shanghai, in which business days are counted.
// Days are comparable with ==; the zero value is no day.
type Day struct {
	year  int
	month time.Month
	day   int
}

// DayAt is the day in which a moment lies.
func DayAt(t time.Time) Day {
	y, m, d := t.In(beijing).Date()
	return Day{y, m, d}
}

// ParseDay reads "2006-01-02".
func ParseDay(s string) (Day, error) {
	t, err := time.ParseInLocation(time.DateOnly, s, beijing)
	if err != nil {
		return Day{}, fmt.Errorf("%q is not a date; write it as 2006-01-02", s)
	}
	return DayAt(t), nil
}

// IsZero tells whether it is no day.
func (d Day) IsZero() bool { return d == Day{} }

// Start is the first moment of the day; the day ends at the start of the next.
func (d Day) Start() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, beijing).UTC() }

// Add is the day n days later.
func (d Day) Add(n int) Day {
	return DayAt(time.Date(d.year, d.month, d.day+n, 0, 0, 0, 0, beijing))
}

// Next is the following day.
func (d Day) Next() Day { return d.Add(1) }

// Before tells whether d is earlier than other.
func (d Day) Before(other Day) bool { return d.Start().Before(other.Start()) }

// Format formats the day by a layout of package time.
func (d Day) Format(layout string) string {
	return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, beijing).Format(layout)
}

// String is "2006-01-02".
func (d Day) String() string { return d.Format(time.DateOnly) }

// MarshalText is String.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDay.
func (d *Day) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDay(string(text))
	return err
}
