package reconcile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/failpoint"
	"github.com/paymux/paymux/internal/payment"
)

// eventReady tells a merchant that a day's statement is there.
const eventReady payment.EventType = "reconciliation.ready"

// statementTries bounds how often a statement is begun anew.
const statementTries = 4

// errMoved says that what a statement says changed while it was written.
var errMoved = errors.New("the books changed while the statement was written; it is written again")

// WriteStatement writes a merchant's files of a day from what is known now. The
// newest version is given where nothing has changed since it; else it is a new
// version, and the merchant is told.
func (s *Service) WriteStatement(ctx context.Context, merchantID string, day channels.Day) (Statement, error) {
	st, err := s.writeStatement(ctx, merchantID, day)
	// Another process wrote that version at the same time, or the books moved
	// between the files: hold against what is there now.
	for tries := 1; tries < statementTries && (errors.Is(err, payment.ErrDuplicate) || errors.Is(err, errMoved)); tries++ {
		st, err = s.writeStatement(ctx, merchantID, day)
	}
	if err != nil {
		return Statement{}, fmt.Errorf("write the statement of %s of merchant %s: %w", day, merchantID, err)
	}
	return st, nil
}

func (s *Service) writeStatement(ctx context.Context, merchantID string, day channels.Day) (Statement, error) {
	name, notifyURL, err := s.Directory.Merchant(ctx, merchantID)
	if err != nil {
		return Statement{}, err
	}
	// Before all else: a result that comes later makes the statement due again.
	read, err := s.Store.DayStates(ctx, merchantID, day, day)
	if err != nil {
		return Statement{}, err
	}
	in := s.statementInput(ctx, merchantID, name, day)
	if in.Accounts, err = s.Store.SummariesOf(ctx, merchantID, day, day); err != nil {
		return Statement{}, err
	}
	accounts, err := s.reconciled(ctx, merchantID)
	if err != nil {
		return Statement{}, err
	}
	digest, err := pin(&in, accounts)
	if err != nil {
		return Statement{}, err
	}
	known, err := s.Store.StatementsOf(ctx, merchantID, day)
	if err != nil {
		return Statement{}, err
	}
	in.Version = 1
	if len(known) > 0 {
		if known[0].RowsDigest == digest {
			return known[0].Statement, s.Store.ClearStatementDue(ctx, read)
		}
		in.Version = known[0].Version + 1
	}
	st := StoredStatement{RowsDigest: digest, Statement: Statement{MerchantID: merchantID, Day: day, Version: in.Version, CreatedAt: s.now()}}
	base := fmt.Sprintf("paymux-%s-%s-v%d", merchantID, day, in.Version)
	if st.CSVDigest, st.CSVSize, st.Rows, err = s.keepFile(ctx, s.WriteCSV, in, base+".csv", "text/csv; charset=utf-8"); err != nil {
		return Statement{}, err
	}
	st.XLSXDigest, st.XLSXSize, _, err = s.keepFile(ctx, s.WriteXLSX, in, base+".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
	if err != nil {
		return Statement{}, err
	}
	event, err := s.readyEvent(st.Statement, in, notifyURL)
	if err != nil {
		return Statement{}, err
	}
	failpoint.Before(failpoint.StatementSave)
	if err := s.Store.SaveStatement(ctx, st, event, read); err != nil {
		return Statement{}, err
	}
	failpoint.After(failpoint.StatementSave)
	s.Wake()
	return st.Statement, nil
}

func (s *Service) statementInput(ctx context.Context, merchantID, name string, day channels.Day) StatementInput {
	return StatementInput{
		MerchantID: merchantID, MerchantName: name, Day: day, Language: s.cfg.StatementLanguage,
		Rows: func(each func(StatementRow) error) error { return s.StatementRows(ctx, merchantID, day, each) },
		Discrepancies: func(each func(Discrepancy) error) error {
			list, err := s.Store.ListReconciliations(ctx, ListFilter{MerchantID: merchantID, Day: day, Limit: maxPage})
			if err != nil {
				return err
			}
			for _, r := range list {
				if err := s.eachDiscrepancy(ctx, DiscrepancyFilter{ReconciliationID: r.ID}, each); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// reconciled lists a merchant's accounts but those whose channel has no bills.
func (s *Service) reconciled(ctx context.Context, merchantID string) ([]Account, error) {
	all, err := s.Directory.AccountsOf(ctx, merchantID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(a Account) bool {
		_, _, err := s.Directory.Bills(ctx, a.ID)
		return errors.Is(err, ErrNoBills) // one that cannot be opened now waits for its bill
	}), nil
}

// pin gives the digest of everything that a statement says but its version, and
// has every further reading of the input fail with errMoved where it differs:
// each file is a reading of its own, and all must say the same. Of the merchant's
// accounts, those without a result join the input's.
func pin(in *StatementInput, accounts []Account) (digest string, err error) {
	h := sha256.New()
	_, _ = io.WriteString(h, in.Language+"\n") // a hash takes everything
	ours := OwnSides{}
	if in.Rows, err = pinned(h, in.Rows, func(r StatementRow) any {
		return struct {
			StatementRow
			Remark string
		}{r, r.Remark.Stored(math.MaxInt)}
	}, func(r StatementRow) { ours.Add(&r) }); err != nil {
		return "", err
	}
	in.Accounts = ours.Complete(ours.awaited(in.Accounts, accounts, in.Day))
	if err := json.NewEncoder(h).Encode(in.Accounts); err != nil {
		return "", err
	}
	in.Discrepancies, err = pinned(h, in.Discrepancies, func(d Discrepancy) any {
		return []any{d.Kind, d.Status, d.SubjectID, entrySum(d.Ours), entrySum(d.Theirs), d.Resolution}
	}, func(Discrepancy) {})
	return hex.EncodeToString(h.Sum(nil)), err
}

// pinned reads a list once into all and to first, and gives it to be read the
// same again.
func pinned[T any](all io.Writer, list func(each func(T) error) error, says func(T) any, first func(T)) (func(each func(T) error) error, error) {
	sum := func(more io.Writer, each func(T) error) ([]byte, error) {
		h := sha256.New()
		e := json.NewEncoder(io.MultiWriter(h, more))
		err := list(func(v T) error {
			if err := e.Encode(says(v)); err != nil {
				return err
			}
			return each(v)
		})
		return h.Sum(nil), err
	}
	before, err := sum(all, func(v T) error {
		first(v)
		return nil
	})
	return func(each func(T) error) error {
		now, err := sum(io.Discard, each)
		if err == nil && !bytes.Equal(now, before) {
			err = errMoved
		}
		return err
	}, err
}

// keepFile writes a file and keeps it in the archive.
func (s *Service) keepFile(ctx context.Context, write StatementWriter, in StatementInput, name, contentType string) (digest string, size, rows int64, err error) {
	file, err := tempFile(s.cfg.SpillDir)
	if err != nil {
		return "", 0, 0, err
	}
	defer func() { _ = file.Close() }()
	out := &sink{to: file, hash: sha256.New(), limit: math.MaxInt64, progress: func(int64) {}}
	if rows, err = write(out, in); err != nil {
		return "", 0, 0, fmt.Errorf("write %s: %w", name, err)
	}
	digest = hex.EncodeToString(out.hash.Sum(nil))
	err = s.store(ctx, FileMeta{Digest: digest, Class: ClassStatement, Name: name, ContentType: contentType, Size: out.size, StoredAt: s.now()}, file)
	return digest, out.size, rows, err
}

var (
	_ io.ReaderAt = (*os.File)(nil)
	_ File        = (*archived)(nil)
)

// ready is the data of a reconciliation.ready event.
type ready struct {
	Date       string         `json:"date"`
	MerchantID string         `json:"merchant_id"`
	Version    int            `json:"version"`
	Status     Status         `json:"status"`
	Rows       int64          `json:"rows"`
	Open       int64          `json:"discrepancies_open"`
	CSV        readyFile      `json:"csv"`
	XLSX       readyFile      `json:"xlsx"`
	Accounts   []readyAccount `json:"accounts"`
}

type readyFile struct {
	// URL is a path of the API: the merchant asks for it signed, as for anything.
	URL    string `json:"url"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

type readyAccount struct {
	AccountID string `json:"account_id"`
	Channel   string `json:"channel"`
	Status    Status `json:"status"`
	// NetMinor is what the channel's bill says; where none was read, our books.
	NetMinor int64  `json:"net_amount"`
	Currency string `json:"currency"`
}

// severity orders statuses: a day is as good as its worst account.
func severity(s Status) int {
	switch s {
	case StatusFailed:
		return 3
	case StatusPending:
		return 2
	case StatusDifferences:
		return 1
	case StatusBalanced:
		return 0
	}
	return 3
}

func (s *Service) readyEvent(st Statement, in StatementInput, notifyURL string) (*payment.Event, error) {
	link := func(form, digest string, size int64) readyFile {
		return readyFile{URL: fmt.Sprintf("/v1/statements/%s.%s?version=%d", st.Day, form, st.Version), SHA256: digest, Size: size}
	}
	data := ready{
		Date: st.Day.String(), MerchantID: st.MerchantID, Version: st.Version, Status: StatusBalanced, Rows: st.Rows,
		CSV: link("csv", st.CSVDigest, st.CSVSize), XLSX: link("xlsx", st.XLSXDigest, st.XLSXSize), Accounts: []readyAccount{},
	}
	for _, a := range in.Accounts {
		if severity(a.Status) > severity(data.Status) {
			data.Status = a.Status
		}
		data.Open += a.Open
		net := a.Theirs
		if !a.Status.BillRead() {
			net = a.Ours
		}
		data.Accounts = append(data.Accounts, readyAccount{
			AccountID: a.AccountID, Channel: a.Channel, Status: a.Status, NetMinor: net.NetMinor(), Currency: string(a.Currency),
		})
	}
	e := &payment.Event{ID: "evt_" + s.NewID(), MerchantID: st.MerchantID, Type: eventReady, NotifyURL: notifyURL, CreatedAt: st.CreatedAt}
	var err error
	e.Body, err = json.Marshal(struct {
		ID        string            `json:"id"`
		Type      payment.EventType `json:"type"`
		CreatedAt time.Time         `json:"created_at"`
		Data      ready             `json:"data"`
	}{e.ID, e.Type, e.CreatedAt, data})
	if err != nil {
		return nil, fmt.Errorf("render event: %w", err)
	}
	return e, nil
}
