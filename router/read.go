package router

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/money"
)

// Bounds of a document of rules.
const (
	maxRules       = 200
	maxEntries     = 50 // of any list
	maxMetadata    = 20
	maxName        = 64
	maxText        = 200
	maxValue       = 512
	maxCoefficient = 100
	maxWeight      = 10_000
	maxAmount      = 1_000_000_000_000
	form           = 1 // of the document
)

var weekdays = map[string]time.Weekday{
	"mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday,
	"fri": time.Friday, "sat": time.Saturday, "sun": time.Sunday,
}

// ReadRules makes rules of a document: maps with string keys, lists, strings,
// integers, as a decoder of YAML or JSON gives them. It reports every fault at
// once, each with its field; then the rules are nil. Accounts are looked at by
// [Rules.Check].
func ReadRules(document any) (*Rules, []Issue) {
	r := &reader{}
	rs := &Rules{}
	doc := node{r: r, value: document}
	if document == nil {
		r.fault("", "the document is empty; it needs at least: version: 1")
		return nil, r.issues
	}
	fields := doc.object("version", "strategy", "mix", "rules")
	if fields == nil {
		return nil, r.issues
	}
	if version, given := fields["version"]; !given {
		r.fault("version", "is required; this is version 1 of the form")
	} else if n := version.integer(0, 1<<31); n != form && len(r.issues) == 0 {
		r.fault("version", "must be 1; this binary reads no other form")
	}
	rs.Strategy = fields["strategy"].strategy()
	rs.Mix = fields["mix"].mix()
	names := map[string]bool{}
	for i, n := range fields["rules"].list(0, maxRules) {
		rule := n.rule()
		if names[rule.Name] && rule.Name != "" {
			r.fault(fmt.Sprintf("rules[%d].name", i), "is the name of an earlier rule too; names tell decisions apart")
		}
		names[rule.Name] = true
		rs.List = append(rs.List, rule)
	}
	r.unusedMix(rs)
	if len(r.issues) > 0 {
		return nil, r.issues
	}
	return rs, nil
}

// unusedMix refuses coefficients where another strategy is asked for.
func (r *reader) unusedMix(rs *Rules) {
	for i := range rs.List {
		rule := &rs.List[i]
		if s, _ := rs.strategy(rule); rule.Mix.sum() > 0 && s != Mixed {
			r.fault(fmt.Sprintf("rules[%d].mix", i), "belongs to the strategy mix; this rule weighs by "+string(s))
		}
	}
}

func (n node) rule() Rule {
	fields := n.object("name", "when", "use", "strategy", "mix", "refuse")
	rule := Rule{
		When: fields["when"].conditions(), Use: fields["use"].targets(), Strategy: fields["strategy"].strategy(),
		Mix: fields["mix"].mix(),
	}
	if name, ok := fields["name"]; ok {
		rule.Name = name.text(maxName)
	} else if n.isObject() {
		n.at("name").fault("is required; decisions and explanations show it")
	}
	refuse, refuses := fields["refuse"]
	if refuses {
		rule.Refuse = refuse.text(maxText)
	}
	_, uses := fields["use"]
	_, weighs := fields["strategy"]
	switch {
	case refuses && (uses || weighs || rule.Mix.sum() > 0):
		n.fault("refuses payments and says where they go; keep either refuse, or use and strategy")
	case !refuses && !uses && !weighs && n.isObject():
		n.fault("says nothing about what happens; give use, strategy or refuse")
	}
	return rule
}

func (n node) conditions() Conditions {
	var c Conditions
	fields := n.object("amount", "currency", "scene", "region", "metadata", "dates", "weekdays", "hours")
	amount := fields["amount"].object("min", "max")
	if least, ok := amount["min"]; ok {
		c.MinAmount = least.integer(1, maxAmount)
	}
	if most, ok := amount["max"]; ok {
		c.MaxAmount = most.integer(1, maxAmount)
	}
	if c.MaxAmount > 0 && c.MaxAmount < c.MinAmount {
		n.at("amount").fault("its max is below its min; no payment matches")
	}
	for _, e := range fields["currency"].list(1, maxEntries) {
		text := e.text(3)
		currency, err := money.ParseCurrency(text)
		if err != nil && text != "" {
			e.fault("must be an ISO 4217 code, for instance CNY")
		}
		c.Currencies = append(c.Currencies, currency)
	}
	for _, e := range fields["scene"].list(1, maxEntries) {
		c.Scenes = append(c.Scenes, channels.Scene(oneOf(e, words(channels.Scenes()))))
	}
	for _, e := range fields["region"].list(1, maxEntries) {
		c.Regions = append(c.Regions, e.text(maxName))
	}
	c.Metadata = fields["metadata"].pairs()
	c.From, c.To = fields["dates"].days()
	for _, e := range fields["weekdays"].list(1, len(weekdays)) {
		c.Weekdays = append(c.Weekdays, weekdays[oneOf(e, []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"})])
	}
	for _, e := range fields["hours"].list(1, maxEntries) {
		text := e.text(maxName)
		hours, err := channels.ParseHours(text)
		if err != nil && text != "" {
			e.fault(err.Error())
		}
		c.Hours = append(c.Hours, hours)
	}
	n.impossible(&c)
	return c
}

// impossible refuses days that are never a day of the week that is asked for.
func (n node) impossible(c *Conditions) {
	if c.From.IsZero() || c.To.IsZero() || len(c.Weekdays) == 0 || len(n.r.issues) > 0 {
		return
	}
	for day, i := c.From, 0; !c.To.Before(day) && i < len(weekdays); day, i = day.Next(), i+1 {
		if slices.Contains(c.Weekdays, channels.WeekdayAt(day.Start())) {
			return
		}
	}
	n.at("weekdays").fault("none of these days lies in dates; no payment matches")
}

func (n node) days() (from, to channels.Day) {
	fields := n.object("from", "to")
	read := func(name string) channels.Day {
		e, ok := fields[name]
		if !ok {
			return channels.Day{}
		}
		text := e.text(maxName)
		day, err := channels.ParseDay(text)
		if err != nil && text != "" {
			e.fault(err.Error())
		}
		return day
	}
	from, to = read("from"), read("to")
	if n.isObject() && len(fields) == 0 {
		n.fault("is empty; give from, to or both")
	}
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		n.fault("its to is before its from; no payment matches")
	}
	return from, to
}

// pairs reads metadata: a value or a list of values for each key.
func (n node) pairs() []Pair {
	var out []Pair
	fields := n.object()
	if len(fields) > maxMetadata {
		n.fault(fmt.Sprintf("has more than %d keys", maxMetadata))
		return nil
	}
	for key, value := range fields {
		p := Pair{Key: key}
		if _, single := value.value.(string); single {
			p.Values = []string{value.line(maxValue, true)}
		} else {
			for _, e := range value.list(1, maxEntries) {
				p.Values = append(p.Values, e.line(maxValue, true))
			}
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Pair) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func (n node) targets() []Target {
	var out []Target
	weighing := 0
	for _, e := range n.list(1, maxEntries) {
		t := e.target()
		for _, other := range out {
			if other.Account == t.Account && (t.Account != "" || other.Channel == t.Channel) {
				e.fault("is named twice by this rule")
				break
			}
		}
		if t.Weighs {
			weighing++
		}
		out = append(out, t)
	}
	if weighing > 0 && weighing < len(out) {
		n.fault("gives a weight to some and not to others; give one to each or to none, as accounts' own weights are on another scale")
	}
	return out
}

func (n node) target() Target {
	fields := n.object("account", "channel", "weight")
	var t Target
	account, byAccount := fields["account"]
	channel, byChannel := fields["channel"]
	if byAccount {
		t.Account = account.text(maxName)
	}
	if byChannel {
		t.Channel = channel.text(maxName)
	}
	if byAccount == byChannel && n.isObject() {
		n.fault("must name either an account or a channel")
	}
	if weight, ok := fields["weight"]; ok {
		t.Weighs, t.Weight = true, int(weight.integer(0, maxWeight))
	}
	return t
}

func (n node) strategy() Strategy {
	if n.r == nil {
		return ""
	}
	return Strategy(oneOf(n, words(Strategies())))
}

func (n node) mix() Mix {
	fields := n.object("weight", "fee", "success", "in_flight")
	m := Mix{
		Weight: fields["weight"].coefficient(), Fee: fields["fee"].coefficient(),
		Success: fields["success"].coefficient(), InFlight: fields["in_flight"].coefficient(),
	}
	if n.isObject() && m.sum() == 0 {
		n.fault("has no coefficient above 0; give some of weight, fee, success and in_flight")
	}
	return m
}

func (n node) coefficient() int64 {
	if n.r == nil {
		return 0
	}
	return n.integer(0, maxCoefficient)
}

// words gives the texts of named values.
func words[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
