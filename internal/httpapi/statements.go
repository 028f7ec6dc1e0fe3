package httpapi

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

// Statements gives the files for finance staff. Errors: payment.ErrNotFound,
// payment.ErrUnavailable.
type Statements interface {
	// Statement gives a version; 0 is the newest.
	Statement(ctx context.Context, merchantID string, day channels.Day, version int) (reconcile.Statement, error)
	// OpenFile opens an archived file by its digest and gives its size. It is
	// read after the call's own context has ended.
	OpenFile(ctx context.Context, digest string) (reconcile.File, int64, error)
}

// statementForm is one of a statement's files.
type statementForm struct {
	extension, contentType string
	digest                 func(s reconcile.Statement) string
}

var (
	statementCSV = statementForm{
		"csv", "text/csv; charset=utf-8",
		func(s reconcile.Statement) string { return s.CSVDigest },
	}
	statementXLSX = statementForm{
		"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		func(s reconcile.Statement) string { return s.XLSXDigest },
	}
)

// name is the file's name; versions of a day have different ones.
func (f statementForm) name(s reconcile.Statement) string {
	return "statement-" + s.Day.String() + "-v" + strconv.Itoa(s.Version) + "." + f.extension
}

// statementFile serves a file as it is archived.
func (s *Server) statementFile(form statementForm) endpoint {
	return func(r *http.Request) (reply, error) {
		statement, err := s.statement(r)
		if err != nil {
			return reply{}, err
		}
		file := File{Name: form.name(statement), ContentType: form.contentType}
		digest := form.digest(statement)
		if n, err := hex.Decode(file.SHA256[:], []byte(digest)); err != nil || n != len(file.SHA256) {
			return reply{}, fmt.Errorf("statement of %s, version %d: %q is no digest", statement.Day, statement.Version, digest)
		}
		// It is sent after this call; what bounds that is the connection.
		content, size, err := s.deps.Statements.OpenFile(context.WithoutCancel(r.Context()), digest)
		if errors.Is(err, payment.ErrNotFound) {
			return reply{}, fmt.Errorf("statement of %s, version %d: its file %s is gone from the archive: %v", statement.Day, statement.Version, digest, err) //nolint:errorlint // the caller is not told "not found"
		}
		if err != nil {
			return reply{}, err
		}
		file.Size, file.Content = size, content
		return reply{file: &file}, nil
	}
}

// statementDigest serves a file's hash as `sha256sum -c` takes it.
func (s *Server) statementDigest(form statementForm) endpoint {
	return func(r *http.Request) (reply, error) {
		statement, err := s.statement(r)
		if err != nil {
			return reply{}, err
		}
		return reply{status: http.StatusOK, text: form.digest(statement) + "  " + form.name(statement) + "\n"}, nil
	}
}

// maxVersion bounds what can be a version.
const maxVersion = 1_000_000

// statement reads the one that path and query name.
func (s *Server) statement(r *http.Request) (reconcile.Statement, error) {
	q := newQuery(r.URL.RawQuery)
	version := q.count("version", maxVersion)
	if err := s.done(q); err != nil {
		return reconcile.Statement{}, err
	}
	day, err := channels.ParseDay(chi.URLParam(r, "date"))
	if err != nil {
		return reconcile.Statement{}, payment.ErrNotFound
	}
	return s.deps.Statements.Statement(r.Context(), MerchantID(r.Context()), day, version)
}
