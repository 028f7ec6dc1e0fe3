package merchant

import (
	"context"
	"fmt"
	"strings"
)

// resealBatch is how many values one transaction replaces: few enough that
// payments do not wait for it.
const resealBatch = 50

// maxNamedFailures bounds the places that an error lists.
const maxNamedFailures = 5

// ResealReport says what a rotation of the master key did.
type ResealReport struct {
	// Resealed values were under another key; Current ones were not.
	Resealed, Current int
	// Unreadable values cannot be opened with any configured key; they are left
	// as they are.
	Unreadable int
}

// UnreadableError says which values could not be opened, by table and key.
type UnreadableError struct {
	Count  int
	Places []string // at most 5
	Err    error    // why the first could not be opened
}

// Error names the places and no content.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("%d sealed values cannot be opened (%s, …): %v", e.Count, strings.Join(e.Places, ", "), e.Err)
}

// Unwrap is why the first value could not be opened.
func (e *UnreadableError) Unwrap() error { return e.Err }

// RotateMasterKey seals every secret of the installation again that is not
// under the key that seals now. It works in small transactions beside a running
// gateway and may be stopped at any point: what was done stays done, and doing
// it again does the rest. A value that changes meanwhile is left to its writer.
// Only when it returns nil may the older keys be taken away; values that cannot
// be opened are an [*UnreadableError], after all others were sealed.
func (s *Service) RotateMasterKey(ctx context.Context) (ResealReport, error) {
	var report ResealReport
	failed := &UnreadableError{}
	for _, column := range s.Repository.SealedColumns() {
		if err := s.resealColumn(ctx, column, &report, failed); err != nil {
			return report, fmt.Errorf("seal %s.%s again: %w", column.Table, column.Column, err)
		}
	}
	if failed.Count > 0 {
		report.Unreadable = failed.Count
		return report, failed
	}
	return report, nil
}

func (s *Service) resealColumn(ctx context.Context, column SealedColumn, report *ResealReport, failed *UnreadableError) error {
	after := ""
	for {
		values, err := s.Repository.SealedAfter(ctx, column, after, resealBatch)
		if err != nil {
			return err
		}
		batch := make([]Resealed, 0, len(values))
		for _, v := range values {
			if !s.Box.NeedsReseal(v.Sealed) {
				report.Current++
				continue
			}
			sealed, err := s.reseal(v)
			if err != nil {
				failed.add(column, v.Key, err)
				continue
			}
			batch = append(batch, Resealed{Key: v.Key, Old: v.Sealed, New: sealed})
		}
		if len(batch) > 0 {
			if err := s.Repository.ReplaceSealed(ctx, column, batch); err != nil {
				return err
			}
			report.Resealed += len(batch)
		}
		if len(values) < resealBatch {
			return nil
		}
		after = values[len(values)-1].Key
	}
}

func (s *Service) reseal(v SealedValue) ([]byte, error) {
	plain, err := s.Box.Open(v.Sealed, v.AAD)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return s.Box.Seal(plain, v.AAD)
}

func (e *UnreadableError) add(column SealedColumn, key string, err error) {
	e.Count++
	if len(e.Places) < maxNamedFailures {
		e.Places = append(e.Places, column.Table+"."+column.Column+" of "+key)
	}
	if e.Err == nil {
		e.Err = err
	}
}
