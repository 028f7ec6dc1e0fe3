package books

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func save(t *testing.T, s *Store, trades ...Trade) {
	t.Helper()
	err := s.Change(func(tx *Tx) error {
		for _, tr := range trades {
			tx.SaveTrade(tr)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func named(number string) Trade {
	return Trade{Key: Key{"alipay", "app", number}, ChannelTradeNo: "c" + number, Amount: 1, Status: StatusWaiting}
}

// TestJournal_TornAnywhere cuts the journal all along its length: what is left is always a whole beginning of what was
// stored.
func TestJournal_TornAnywhere(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 5 {
		save(t, s, named(fmt.Sprintf("a%d", i)), named(fmt.Sprintf("b%d", i))) // two trades, one record
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for length := len(whole) % 29; length <= len(whole); length += 29 { // ends at the whole length
		torn := t.TempDir()
		if err := os.WriteFile(filepath.Join(torn, journalName), whole[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, torn)
		trades, err := s.Trades(nil)
		if err != nil || len(trades)%2 != 0 || len(trades) < last {
			t.Fatalf("cut at %d: %d trades, %v", length, len(trades), err)
		}
		last = len(trades)
		if length%5 == 0 { // what is written after a tear is there at the next start
			save(t, s, named("after"))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, torn)
			if _, err := s.Trade(Key{"alipay", "app", "after"}); err != nil {
				t.Fatalf("cut at %d: %v", length, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if last != 10 {
		t.Errorf("the whole journal gives %d trades", last)
	}
}

func TestJournal_DamageIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 3 {
		save(t, s, named(fmt.Sprintf("a%d", i)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, journalName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, []byte(`"a1"`))
	for _, damaged := range [][]byte{
		append(append(bytes.Clone(whole[:at]), 'X'), whole[at+1:]...),
		bytes.Replace(whole, []byte("books 1"), []byte("books 2"), 1),
		append([]byte("SQLite format 3\x00"), whole...),
	} {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(dir, nil); err == nil {
			_ = s.Close()
			t.Errorf("damaged books were opened: %.60q", damaged)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, damaged) {
			t.Error("refused books were written to")
		}
	}
}

// TestJournal_NothingIsToldBeforeItIsDurable lets the disk fail.
func TestJournal_NothingIsToldBeforeItIsDurable(t *testing.T) {
	told := 0
	s, err := Open(t.TempDir(), func(Callback) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	save(t, s, named("a"))
	broken := errors.New("no space left")
	s.journal.sync = func() error { return broken }
	err = s.Change(func(tx *Tx) error {
		tr, _ := tx.Trade(Key{"alipay", "app", "a"})
		tr.Status = StatusPaid
		tx.SaveTrade(tr)
		tx.Queue(Callback{ID: "1"})
		return nil
	})
	if !errors.Is(err, broken) || told != 0 {
		t.Errorf("a change that is not durable: %v, %d callbacks", err, told)
	}
	if _, err := s.Trade(Key{"alipay", "app", "a"}); !errors.Is(err, broken) {
		t.Errorf("a trade that is not durable was shown: %v", err)
	}
	refused := s.Change(func(tx *Tx) error {
		if tr, _ := tx.Trade(Key{"alipay", "app", "a"}); tr.Status == StatusPaid {
			return errors.New("paid already")
		}
		return nil
	})
	if !errors.Is(refused, broken) {
		t.Errorf("a refusal told of what is not durable: %v", refused)
	}
	_ = s.Close()
}

func TestStore_FailedChangeChangesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	no := errors.New("no")
	err := s.Change(func(tx *Tx) error {
		tx.SaveTrade(named("a"))
		tx.MarkOnce("m")
		return no
	})
	if !errors.Is(err, no) {
		t.Fatal(err)
	}
	if _, err := s.Trade(named("a").Key); !errors.Is(err, ErrNotFound) {
		t.Errorf("the trade is there: %v", err)
	}
	fresh := false
	if err := s.Change(func(tx *Tx) error { fresh = tx.MarkOnce("m"); return nil }); err != nil || !fresh {
		t.Errorf("the mark stayed: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Change(func(tx *Tx) error { tx.MarkOnce("n"); return nil }); err == nil {
		t.Error("closed books take changes")
	}
}

// TestStore_ManyAtOnce counts one trade up from many sides; every count must be there after a restart.
func TestStore_ManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	save(t, s, named("n"))
	key := named("n").Key
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for range 25 {
				if err := s.Change(func(tx *Tx) error {
					tr, _ := tx.Trade(key)
					tr.Amount++
					tr.Refunds = append(tr.Refunds, Refund{Amount: 1, Status: RefundSucceeded})
					tx.SaveTrade(tr)
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer func() { _ = s.Close() }()
	tr, err := s.Trade(key)
	if err != nil || tr.Amount != 801 || tr.Refunded() != 800 {
		t.Errorf("%d, %d refunded, %v", tr.Amount, tr.Refunded(), err)
	}
}

func TestStore_Compacts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	tr := named("big")
	tr.Subject = strings.Repeat("x", 100_000)
	for i := range 100 {
		tr.Amount = int64(i)
		save(t, s, tr, named(fmt.Sprintf("small%d", i)))
	}
	err := s.Change(func(tx *Tx) error {
		tx.SaveCode(Code{Token: "code", Trade: tr.Key})
		tx.MarkOnce("mark")
		tx.Queue(Callback{ID: "cb", Trade: tr.Key})
		tx.SaveSetting("s", 7)
		return tx.AddAccount(Account{Channel: "alipay", ID: "app", Secrets: []byte(`{}`)})
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, journalName)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second start reads what the first one wrote
		s = open(t, dir)
		trades, err := s.Trades(nil)
		if err != nil || len(trades) != 101 || trades[0].OutTradeNo != "small99" || trades[100].Amount != 99 {
			t.Fatalf("%d trades, %v", len(trades), err)
		}
		if _, ok := s.Code("code"); !ok || len(s.Callbacks()) != 1 || len(s.Accounts("alipay")) != 1 {
			t.Error("something was lost")
		}
		var n int
		if ok, err := s.Setting("s", &n); !ok || err != nil || n != 7 {
			t.Error("the setting was lost")
		}
		if err := s.Change(func(tx *Tx) error {
			if tx.MarkOnce("mark") {
				return errors.New("the mark was lost")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	after, err := os.Stat(path)
	if err != nil || after.Size()*10 > before.Size() {
		t.Errorf("%d bytes became %d, %v", before.Size(), after.Size(), err)
	}
}

func TestStore_Due(t *testing.T) {
	s := open(t, t.TempDir())
	defer func() { _ = s.Close() }()
	at := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	early, late, paid := named("early"), named("late"), named("paid")
	early.ExpiresAt, late.ExpiresAt, paid.ExpiresAt = at, at.Add(time.Hour), at
	save(t, s, late, early, paid)
	paid.Status = StatusPaid
	save(t, s, paid)
	if due := s.Due(at.Add(-time.Nanosecond)); len(due) != 0 {
		t.Errorf("too early: %v", due)
	}
	if due := s.Due(at); len(due) != 1 || due[0] != early.Key {
		t.Errorf("due: %v", due)
	}
	if due := s.Due(at.Add(2 * time.Hour)); len(due) != 1 || due[0] != late.Key {
		t.Errorf("due later: %v", due)
	}
}

func FuzzReplay(f *testing.F) {
	f.Add([]byte(journalHeader))
	f.Add(append([]byte(journalHeader), encodeRecord([][]byte{[]byte(`{"k":"mark","id":"m"}`)})...))
	f.Add(append([]byte(journalHeader), "00000000 []\n"...))
	f.Add([]byte("paymux-sandbox-books 9\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		end, err := replayFile(bytes.NewReader(content), func([]byte) error { return nil })
		if err == nil && (end < 0 || end > int64(len(content))) {
			t.Errorf("end %d of %d bytes", end, len(content))
		}
	})
}
