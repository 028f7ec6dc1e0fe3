package books

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// compactFrom is the size in bytes below which a journal isn't worth rewriting.
const compactFrom = 8 << 20

// replay applies one record of the journal.
func (s *Store) replay(batch []byte) error {
	var changes []change
	if err := json.Unmarshal(batch, &changes); err != nil {
		return fmt.Errorf("decode a record: %w", err)
	}
	for _, c := range changes {
		if err := s.replayChange(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) replayChange(c change) error {
	decoded := func(v any, store func()) error {
		if err := json.Unmarshal(c.V, v); err != nil {
			return fmt.Errorf("decode %s: %w", c.Kind, err)
		}
		store()
		return nil
	}
	switch c.Kind {
	case kindTrade:
		t := new(Trade)
		return decoded(t, func() { s.putTrade(t, 0) })
	case kindCode:
		var code Code
		return decoded(&code, func() { s.codes[code.Token] = code })
	case kindCallback:
		if c.Gone {
			delete(s.callbacks, c.ID)
			return nil
		}
		var cb Callback
		return decoded(&cb, func() { s.callbacks[cb.ID] = cb })
	case kindMark:
		s.marks[c.ID] = true
		return nil
	case kindAccount:
		var a Account
		return decoded(&a, func() { s.accounts = append(s.accounts, a) })
	case kindSetting:
		s.settings[c.ID] = c.V
		return nil
	default:
		return fmt.Errorf("unknown kind of change %q: the books are of a newer version", c.Kind)
	}
}

// compactIfWorth rewrites the journal as the present state alone where that would at least halve it.
func (s *Store) compactIfWorth(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at the journal: %w", err)
	}
	if info.Size() < compactFrom {
		return nil
	}
	snapshot, err := s.snapshot()
	if err != nil {
		return err
	}
	if int64(len(snapshot))*2 > info.Size() {
		return nil
	}
	if err := errors.Join(s.journal.close(), replaceFile(path, snapshot)); err != nil {
		return fmt.Errorf("compact the journal: %w", err)
	}
	s.journal, err = openJournal(path, func([]byte) error { return nil })
	return err
}

func (s *Store) snapshot() ([]byte, error) {
	tx := &Tx{store: s}
	for _, a := range s.accounts {
		tx.add(change{Kind: kindAccount}, a, nil)
	}
	for name, raw := range s.settings {
		tx.add(change{Kind: kindSetting, ID: name}, raw, nil)
	}
	for _, key := range s.order {
		tx.add(change{Kind: kindTrade}, s.trades[key].trade, nil)
	}
	for _, c := range s.codes {
		tx.add(change{Kind: kindCode}, c, nil)
	}
	for name := range s.marks {
		tx.add(change{Kind: kindMark, ID: name}, nil, nil)
	}
	for _, c := range s.callbacks {
		tx.add(change{Kind: kindCallback}, c, nil)
	}
	out := []byte(journalHeader)
	for _, line := range tx.lines {
		out = append(out, encodeRecord([][]byte{line})...)
	}
	return out, tx.err
}

// replaceFile puts content in the place of path so that a crash leaves either the old file or the new one.
func replaceFile(path string, content []byte) error {
	next := path + ".next"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the operator's own data folder
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
