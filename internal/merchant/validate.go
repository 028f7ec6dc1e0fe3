package merchant

import (
	"net/url"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/signing"
)

// Bounds of what an operator may set.
const (
	maxName      = 64
	maxNotifyURL = 512
	maxWeight    = 10_000
	millionth    = 1_000_000
	// maxAmount is the largest amount of the API, in minor units.
	maxAmount = 1_000_000_000_000
	maxHours  = 12
)

func (f *faults) name(v string) {
	n := utf8.RuneCountInString(v)
	if n < 1 || n > maxName || !printable(v) {
		f.add("name", "must be 1 to "+strconv.Itoa(maxName)+" characters without control characters")
	}
}

func (f *faults) notifyURL(v string) {
	if v == "" {
		return
	}
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
		utf8.RuneCountInString(v) > maxNotifyURL || !printable(v) {
		f.add("notify_url", "must be an absolute http or https URL of at most "+strconv.Itoa(maxNotifyURL)+" characters without user information")
	}
}

func (f *faults) latePolicy(p LatePolicy) {
	if p != LateRefund && p != LateAccept {
		f.add("late_payment", "must be refund or accept")
	}
}

func (f *faults) answerAlgorithm(a signing.Algorithm) {
	if _, err := signing.ParseAlgorithm(string(a)); err != nil {
		f.add("answer_algorithm", "must be rsa2 or ed25519")
	}
}

func (f *faults) terms(t Terms) {
	if t.Weight < 0 || t.Weight > maxWeight {
		f.add("weight", "must be 0 to "+strconv.Itoa(maxWeight))
	}
	if t.FeeRatePPM < 0 || t.FeeRatePPM >= millionth {
		f.add("fee_rate_ppm", "must be 0 to 999999 millionths")
	}
	if t.MinAmount < 0 || t.MinAmount > maxAmount {
		f.add("min_amount", "must be 0 to 10^12 in minor units")
	}
	if t.MaxAmount < 0 || t.MaxAmount > maxAmount || t.MaxAmount != 0 && t.MaxAmount < t.MinAmount {
		f.add("max_amount", "must be 0 (the channel's own limit), or min_amount to 10^12 in minor units")
	}
	f.hours(t.Hours)
	known := channels.Scenes()
	for i, scene := range t.Scenes {
		if !slices.Contains(known, scene) {
			f.add("scenes", "holds an unknown scene; take some of qr barcode web h5 app jsapi")
			return
		}
		if slices.Contains(t.Scenes[:i], scene) {
			f.add("scenes", "names "+string(scene)+" twice")
			return
		}
	}
}

func (f *faults) hours(hours []channels.Hours) {
	if len(hours) > maxHours || slices.ContainsFunc(hours, channels.Hours.IsZero) {
		f.add("hours", "must be at most "+strconv.Itoa(maxHours)+" spans of a day like 08:00-22:30")
	}
}

func printable(v string) bool {
	if !utf8.ValidString(v) {
		return false
	}
	for _, r := range v {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}
