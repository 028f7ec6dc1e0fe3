package reconcile

import (
	"hash/maphash"
	"testing"

	"github.com/paymux/paymux/internal/money"
)

// FuzzRecord: what is put aside comes back as it was, and no bytes that are not
// a record's are taken for more than they are.
func FuzzRecord(f *testing.F) {
	f.Add("A", "A", "T", "N", "paid", int64(1), int64(-2), int64(3), uint8(31), []byte(nil))
	f.Add("A", "B", "T", "T", "", int64(0), int64(0), int64(0), uint8(1), []byte(nil))
	f.Add("", "", "", "", "", int64(0), int64(-1<<63), int64(1<<63-1), uint8(0), []byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, id, order, trade, number, status string, minor, fee, at int64, flags uint8, garbage []byte) {
		in := record{
			refund: flags&1 != 0, pending: flags&2 != 0, failed: flags&4 != 0, own: flags&8 != 0, carried: flags&16 != 0,
			id: id, order: order, trade: trade, number: number, status: status, currency: money.CNY, minor: minor, fee: fee, at: at, line: minor ^ at,
		}
		text := string(append(in.appendTo(nil), garbage...))
		var out record
		rest, err := out.read(text)
		if err != nil || out != in || rest != string(garbage) {
			t.Fatalf("%+v came back as %+v, rest %q: %v", in, out, rest, err)
		}
		if kept := out.kept(); kept != in {
			t.Fatalf("kept as %+v", kept)
		}
		if rest, err := out.read(string(garbage)); err == nil && len(rest) >= len(garbage) {
			t.Fatalf("%d bytes are left of %d", len(rest), len(garbage))
		}
	})
}

// Rows of blocks and of memory come back in their order, each from the
// partition of its number.
func TestSpill(t *testing.T) {
	const rows = 20_000
	seed := maphash.MakeSeed()
	s, err := newSpill(t.TempDir(), 16, seed)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for i := range int64(rows) {
		r := record{id: string(rune('a' + i%26)), line: i, status: "a text that fills blocks sooner than later"}
		if i == 7 {
			r.status = string(make([]byte, 3*blockBytes)) // longer than a block
		}
		if err := s.add(&r); err != nil {
			t.Fatal(err)
		}
	}
	if s.end == 0 {
		t.Fatal("nothing went to disk")
	}
	last, where, n := map[string]int64{}, map[string]int{}, 0
	for p := range s.parts {
		err := s.each(p, func(r record) error {
			if at, seen := where[r.id]; seen && at != p {
				t.Errorf("%s is in partitions %d and %d", r.id, at, p)
			}
			if before, seen := last[r.id]; seen && before >= r.line {
				t.Errorf("line %d comes after %d", r.line, before)
			}
			if r.line == 7 && len(r.status) != 3*blockBytes {
				t.Errorf("the long row has %d bytes", len(r.status))
			}
			where[r.id], last[r.id] = p, r.line
			n++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n != rows {
		t.Errorf("%d rows came back", n)
	}
}
