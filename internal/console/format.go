package console

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// beijing is the zone that people read times in; it has no daylight saving.
var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

// textOf is a value's text; the sets of the domain are named texts.
func textOf(value any) string { return fmt.Sprint(value) }

// Minor writes minor units with their decimals and groups of three: 1,234.56.
func (p *page) Minor(minor int64, c money.Currency) string { return formatMinor(minor, c) }

// Amount is Minor of an amount; nothing for none.
func (p *page) Amount(a money.Amount) string {
	if a.Currency() == "" {
		return ""
	}
	return formatMinor(a.Minor(), a.Currency())
}

func formatMinor(minor int64, c money.Currency) string {
	exponent := c.Exponent()
	if !c.Known() {
		exponent = 2
	}
	digits := strconv.FormatInt(minor, 10)
	sign := ""
	if minor < 0 {
		sign, digits = "-", digits[1:]
	}
	for len(digits) <= exponent {
		digits = "0" + digits
	}
	whole, part := digits[:len(digits)-exponent], digits[len(digits)-exponent:]
	if part != "" {
		part = "." + part
	}
	return sign + grouped(whole) + part
}

// Count writes a number in groups of three.
func (p *page) Count(n any) string {
	s := fmt.Sprint(n)
	if negative, ok := strings.CutPrefix(s, "-"); ok {
		return "-" + grouped(negative)
	}
	return grouped(s)
}

func grouped(digits string) string {
	var out strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(d)
	}
	return out.String()
}

// Percent writes millionths as a percentage: 6000 is 0.6%.
func (p *page) Percent(ppm int64) string {
	s := strings.TrimRight(fmt.Sprintf("%d.%04d", ppm/10_000, ppm%10_000), "0")
	return strings.TrimSuffix(s, ".") + "%"
}

// Share writes a part of one as a percentage.
func (p *page) Share(part float64) string { return fmt.Sprintf("%.0f%%", part*100) }

// Time writes a moment to the second; nothing for none.
func (p *page) Time(t any) string { return p.moment(t, "2006-01-02 15:04:05") }

// When is Time for a table: it may be broken between day and clock only.
func (p *page) When(t any) template.HTML {
	day, clock, ok := strings.Cut(p.Time(t), " ")
	if !ok {
		return ""
	}
	return template.HTML(`<time datetime="` + p.ISO(t) + `"><span>` + day + `</span> <span>` + clock + `</span></time>`) //nolint:gosec // digits only
}

// Clock writes a moment to the millisecond, without the day.
func (p *page) Clock(t any) string { return p.moment(t, "15:04:05.000") }

// Date writes a moment's day.
func (p *page) Date(t any) string { return p.moment(t, time.DateOnly) }

// ISO writes a moment for machines.
func (p *page) ISO(t any) string { return p.moment(t, time.RFC3339) }

func (p *page) moment(value any, layout string) string {
	var at time.Time
	switch t := value.(type) {
	case time.Time:
		at = t
	case *time.Time:
		if t != nil {
			at = *t
		}
	}
	if at.IsZero() {
		return ""
	}
	return at.In(beijing).Format(layout)
}

// Weekday names a day of the week.
func (p *page) Weekday(d channels.Day) string {
	return say(p.Lang, "weekday."+strconv.Itoa(int(d.Start().In(beijing).Weekday())))
}

// Size writes a number of bytes for people.
func (p *page) Size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
}

// Short is the beginning of a long name such as a digest.
func (p *page) Short(s string) string {
	if len(s) > 12 {
		return s[:12] + "…"
	}
	return s
}

// merchantQuery names the merchant that is shown, where one is.
func merchantQuery(lead, merchantID string) string {
	if merchantID == "" {
		return ""
	}
	return lead + url.Values{"merchant": {merchantID}}.Encode()
}
