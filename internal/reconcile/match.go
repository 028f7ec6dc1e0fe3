package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
)

// tooManyError says that the sides have so little in common that the bill is
// likely another account's, or where fees are most of it, that the rate is.
type tooManyError struct{ limit, fees int }

func (e *tooManyError) Error() string { return e.message().String() }

func (e *tooManyError) message() Message {
	if e.fees > e.limit/2 {
		return message(codeTooManyFees, number(e.limit), number(e.fees))
	}
	return message(codeTooMany, number(e.limit))
}

// matcher holds both sides against each other by our number, partition by
// partition. Only two partitions of our side are in memory at a time.
type matcher struct {
	bill, ours *spill
	most       int
	// pair is told of rows that are about the same thing.
	pair func(ours, theirs record)
	// What found no counterpart, or, of the bill, only one that is taken.
	leftBill, leftOurs, again []record
}

func newMatcher(dir string, billBytes int64, most int) (*matcher, error) {
	n, seed := partitionsFor(billBytes), maphash.MakeSeed()
	bill, err := newSpill(dir, n, seed)
	if err != nil {
		return nil, err
	}
	ours, err := newSpill(dir, n, seed)
	if err != nil {
		bill.close()
		return nil, err
	}
	return &matcher{bill: bill, ours: ours, most: most}, nil
}

func (m *matcher) close() {
	m.bill.close()
	m.ours.close()
}

// run matches everything; done counts the rows of the bill. Our next partition
// is read while the bill's is held against the one before.
func (m *matcher) run(ctx context.Context, done func(rows int64)) error {
	free, loaded, stop := make(chan *table, 2), make(chan *table), make(chan struct{})
	for range cap(free) {
		free <- &table{index: map[key]int{}}
	}
	go func() {
		defer close(loaded)
		for n := range m.ours.parts {
			t := <-free
			t.load(m.ours, n)
			select {
			case loaded <- t:
			case <-stop:
				return
			}
		}
	}()
	defer func() {
		close(stop)
		for range loaded { // the spill is in use until it is closed
		}
	}()
	var rows int64
	for n := range m.bill.parts {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		t := <-loaded
		met, err := m.partition(n, t)
		free <- t
		if err != nil {
			return err
		}
		rows += met
		done(rows)
	}
	// The order of partitions is not that of the file.
	slices.SortFunc(m.leftBill, byLine)
	slices.SortFunc(m.again, byLine)
	slices.SortFunc(m.leftOurs, byTime)
	return nil
}

// table is a partition of our side.
type table struct {
	list  []candidate
	index map[key]int
	err   error
}

// candidate is a row of ours that waits for the bill's.
type candidate struct {
	record
	taken bool
}

// load reads a partition in the place of the one before.
func (t *table) load(ours *spill, n int) {
	clear(t.index)
	t.list = t.list[:0]
	t.err = ours.each(n, func(r record) error {
		// A row that comes twice (the day's own and carried over) counts once.
		if _, twice := t.index[r.key()]; !twice {
			t.index[r.key()] = len(t.list)
			t.list = append(t.list, candidate{record: r})
		}
		return nil
	})
}

func byLine(a, b record) int { return cmp.Compare(a.line, b.line) }

func byTime(a, b record) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id), cmp.Compare(a.line, b.line))
}

func (m *matcher) partition(n int, t *table) (rows int64, err error) {
	if t.err != nil {
		return 0, t.err
	}
	// What failed moved nothing: the row that did comes first.
	var failed []record
	err = m.bill.each(n, func(r record) error {
		rows++
		if r.failed {
			failed = append(failed, r.kept())
			return nil
		}
		return m.match(t, &r)
	})
	if err != nil {
		return rows, err
	}
	for i := range failed {
		if err := m.match(t, &failed[i]); err != nil {
			return rows, err
		}
	}
	for _, c := range t.list {
		if !c.taken {
			if err := m.leave(&m.leftOurs, c.record); err != nil {
				return rows, err
			}
		}
	}
	return rows, nil
}

// match finds a row of the bill its counterpart in our partition.
func (m *matcher) match(t *table, r *record) error {
	at, known := t.index[r.key()]
	switch {
	case r.id == "" || !known:
		return m.leave(&m.leftBill, *r)
	case t.list[at].taken:
		return m.leave(&m.again, *r)
	}
	t.list[at].taken = true
	m.pair(t.list[at].record, *r)
	return nil
}

// leave puts a row without a counterpart aside, in memory: there are few.
func (m *matcher) leave(list *[]record, r record) error {
	if len(*list) >= m.most {
		return &tooManyError{limit: m.most}
	}
	*list = append(*list, r.kept())
	return nil
}

// secondKeys matches what our number did not: by the channel's number, and for
// refunds that the bill does not name, or that the channel never had a number
// of, by order and amount. What then is left is in leftBill and leftOurs.
func (m *matcher) secondKeys(contradiction func(ours, theirs record)) {
	byNumber, byOrder := map[string][]int{}, map[string][]int{}
	for i, r := range m.leftOurs {
		if r.number != "" {
			k := numberKey(&r)
			byNumber[k] = append(byNumber[k], i)
		}
		if r.refund {
			k := orderKey(&r)
			byOrder[k] = append(byOrder[k], i)
		}
	}
	taken := make([]bool, len(m.leftOurs))
	free := func(list []int, fits func(ours *record) bool) int {
		for _, i := range list {
			if !taken[i] && fits(&m.leftOurs[i]) {
				return i
			}
		}
		return -1
	}
	var rest []record
	for _, b := range m.leftBill {
		if i := free(byNumber[numberKey(&b)], func(*record) bool { return b.number != "" }); i >= 0 {
			taken[i] = true
			if b.id == "" || m.leftOurs[i].own {
				m.pair(m.leftOurs[i], b)
			} else {
				contradiction(m.leftOurs[i], b)
			}
			continue
		}
		if i := free(byOrder[orderKey(&b)], func(ours *record) bool { return b.refund && (b.unnamed() || ours.own) }); i >= 0 {
			taken[i] = true
			m.pair(m.leftOurs[i], b)
			continue
		}
		rest = append(rest, b)
	}
	m.leftBill = rest
	kept := m.leftOurs[:0]
	for i, r := range m.leftOurs {
		if !taken[i] {
			kept = append(kept, r)
		}
	}
	m.leftOurs = kept
}

// unnamed tells whether a refund's row of the bill has no number of its own: an
// empty one, or the order's.
func (r *record) unnamed() bool { return r.id == "" || r.id == r.order }

func numberKey(r *record) string {
	if r.refund {
		return "r" + r.number
	}
	return "p" + r.number
}

func orderKey(r *record) string {
	return fmt.Sprintf("%s/%d/%s", r.order, r.minor, r.currency)
}
