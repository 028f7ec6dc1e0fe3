package billfile

import (
	"strings"
)

// Columns knows where the columns of a text are by their headings, whose order
// is not fixed for ever.
type Columns struct {
	at    map[string]int
	count int
}

// NewColumns reads a line of headings. Blanks round them, and whether their
// brackets are full-width, do not count. An empty or repeated heading, and one
// of the needed ones that is missing, break the file.
func NewColumns(line int64, headings []string, needed ...string) (Columns, error) {
	c := Columns{at: make(map[string]int, len(headings)), count: len(headings)}
	for i, h := range headings {
		h = plainHeading(h)
		if _, twice := c.at[h]; twice || h == "" {
			return Columns{}, Broken(line, "heading %d is empty or there twice", i+1)
		}
		c.at[h] = i
	}
	for _, h := range needed {
		if _, ok := c.at[plainHeading(h)]; !ok {
			return Columns{}, Broken(line, "there is no column %q: another kind of file, another encoding, or a new form of it", h)
		}
	}
	return c, nil
}

func plainHeading(h string) string {
	return strings.NewReplacer("（", "(", "）", ")").Replace(strings.TrimSpace(h))
}

// Count is the number of columns.
func (c Columns) Count() int { return c.count }

// At is a column's place, or -1.
func (c Columns) At(heading string) int {
	if i, ok := c.at[plainHeading(heading)]; ok {
		return i
	}
	return -1
}

// Headings lists the headings by their places, with plain brackets.
func (c Columns) Headings() []string {
	all := make([]string, c.count)
	for h, i := range c.at {
		all[i] = h
	}
	return all
}

// MustAgree breaks the file unless what it states is what its rows add up to.
func MustAgree(line int64, what string, stated int64, sum Sum) error {
	v, ok := sum.Value()
	switch {
	case !ok:
		return Broken(line, "%s: the rows add up to more than can be counted", what)
	case v != stated:
		return Broken(line, "%s is stated as %d, the rows add up to %d (in the smallest unit)", what, stated, v)
	}
	return nil
}
