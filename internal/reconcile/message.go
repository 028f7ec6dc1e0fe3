package reconcile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/wording"
)

// Message is what a result tells people, clause by clause. It is kept by codes,
// so that each reader is told in the own language; nil tells nothing.
type Message []Clause

// Clause is one part of a message: a code of the catalogue with its arguments,
// or a text that is told as it is.
type Clause struct {
	Code string            `json:"code,omitempty"`
	Args map[string]string `json:"args,omitempty"`
	Text string            `json:"text,omitempty"`
}

// message makes a message of a code and its arguments, in the order in which the
// English sentence has them.
func message(code string, args ...string) Message {
	c := Clause{Code: code}
	for i, name := range sentences[code].Args(wording.English) {
		if i < len(args) {
			if c.Args == nil {
				c.Args = make(map[string]string, len(args))
			}
			c.Args[name] = args[i]
		}
	}
	return Message{c}
}

// Plain is a text that is told as it is in every language.
func Plain(text string) Message {
	if text == "" {
		return nil
	}
	return Message{{Text: text}}
}

// and is both messages, one after the other.
func (m Message) and(more Message) Message { return slices.Concat(m, more) }

// has tells whether a clause of the message has a code.
func (m Message) has(code string) bool {
	return slices.ContainsFunc(m, func(c Clause) bool { return c.Code == code })
}

// String tells the message in English.
func (m Message) String() string { return m.In(wording.English) }

// In tells the message in [wording.Chinese] or [wording.English].
func (m Message) In(language string) string {
	clauses := make([]string, len(m))
	for i, c := range m {
		clauses[i] = c.in(language)
	}
	if language == wording.Chinese {
		return strings.Join(clauses, "；")
	}
	return strings.Join(clauses, "; ")
}

func (c Clause) in(language string) string {
	if c.Code == "" {
		return c.Text
	}
	s, ok := sentences[c.Code]
	if !ok { // a newer version's
		return fmt.Sprintf("%s %v", c.Code, c.Args)
	}
	return s.Tell(language, func(name string) string {
		if language == wording.Chinese {
			return c.chinese(name)
		}
		return c.Args[name]
	})
}

// beijing is the zone of people's times; it has no daylight saving.
var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

// chinese is an argument as Chinese sentences have it; its name says what it is.
func (c Clause) chinese(name string) string {
	value := c.Args[name]
	table := map[string]map[string]string{"what": whatWords, "status": attemptWords, "state": attemptWords}[name]
	if name == "status" && c.Args["what"] == string(RowRefund) {
		table = refundWords
	}
	if word, ok := table[value]; ok {
		return word
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil && name == "at" {
		return at.In(beijing).Format(time.DateTime)
	}
	return value
}

// Stored is the message as a column of most bytes keeps it. Where it is too
// long its longest argument is cut, and never the message itself.
func (m Message) Stored(most int) string {
	m = slices.Clone(m)
	for i := range m {
		m[i].Text, m[i].Args = valid(m[i].Text), maps.Clone(m[i].Args)
		for name, value := range m[i].Args {
			m[i].Args[name] = valid(value)
		}
	}
	for len(m) > 0 {
		text := m.encoded()
		over := len(text) - most
		if over <= 0 {
			return text
		}
		if !m.shorten(over) {
			m = m[:len(m)-1]
		}
	}
	return ""
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func (m Message) encoded() string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode([]Clause(m)); err != nil {
		return "" // texts alone always encode
	}
	return strings.TrimSuffix(out.String(), "\n")
}

const ellipsis = "…"

// shorten cuts the longest argument or text by some bytes, or to nothing; false:
// there is nothing left to cut.
func (m Message) shorten(by int) bool {
	clause, name, longest := -1, "", ellipsis
	for i, c := range m {
		if len(c.Text) > len(longest) {
			clause, name, longest = i, "", c.Text
		}
		for _, n := range slices.Sorted(maps.Keys(c.Args)) {
			if len(c.Args[n]) > len(longest) {
				clause, name, longest = i, n, c.Args[n]
			}
		}
	}
	if clause < 0 {
		return false
	}
	end := max(len(longest)-by-len(ellipsis), 0)
	for end > 0 && !utf8.RuneStart(longest[end]) {
		end--
	}
	if longest = longest[:end] + ellipsis; name == "" {
		m[clause].Text = longest
	} else {
		m[clause].Args[name] = longest
	}
	return true
}

// ParseMessage reads what Stored gave. Any other text is told as it is.
func ParseMessage(text string) Message {
	var m Message
	if strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), (*[]Clause)(&m)) == nil && len(m) > 0 && !slices.ContainsFunc(m, Clause.empty) {
		return m
	}
	return Plain(text)
}

func (c Clause) empty() bool { return c.Code == "" && c.Text == "" }

// signed writes minor units, of fees given back too.
func signed(minor int64, c money.Currency) string {
	if minor < 0 {
		return "-" + signed(-minor, c)
	}
	a, err := money.New(minor, c)
	if err != nil {
		return strconv.FormatInt(minor, 10)
	}
	return a.String()
}

// percent writes millionths as a percentage: 6000 is 0.6%.
func percent(ppm int64) string {
	s := strings.TrimRight(fmt.Sprintf("%d.%04d", ppm/10_000, ppm%10_000), "0")
	return strings.TrimSuffix(s, ".") + "%"
}

// number writes a count or a line's number.
func number[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }
