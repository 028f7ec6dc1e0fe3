package console

import (
	"strconv"
	"time"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/wording"
)

// Told tells what the core, the router or notify wrote in English for people in
// the page's language. A channel's own words and technical errors are shown as
// they are. The currency is that of minor units in the text.
func (p *page) Told(written string, c money.Currency) string {
	if p.Lang == english {
		return written
	}
	for _, s := range toldSentences {
		if args, ok := s.Read(written); ok {
			return s.Tell(wording.Chinese, func(name string) string { return p.toldArgument(name, args[name], c) })
		}
	}
	return written
}

// toldArgument is an argument of a sentence; its name says what it is.
func (p *page) toldArgument(name, value string, c money.Currency) string {
	switch name {
	case "why", "drawn", "aside":
		return p.Told(value, c)
	case "channel", "scene":
		return p.Word(name, value)
	case "minor", "least", "most":
		if minor, err := strconv.ParseInt(value, 10, 64); err == nil {
			return formatMinor(minor, c) + " " + string(c)
		}
	case "at", "sent":
		if at, err := time.Parse(time.RFC3339, value); err == nil {
			return p.Time(at)
		}
	}
	return value
}
