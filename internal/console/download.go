package console

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/reconcile"
)

const xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// statementFile serves one form of a statement, or the digest beside it in the
// form that sha256sum -c reads.
func (c *Console) statementFile(v *visit) error {
	day, err := channels.ParseDay(v.r.PathValue("day"))
	version, numberErr := strconv.Atoi(v.r.PathValue("version"))
	if err != nil || numberErr != nil || version < 1 {
		return payment.ErrNotFound
	}
	sc, err := c.scope(v)
	if err != nil {
		return err
	}
	if sc.MerchantID == "" {
		return payment.ErrNotFound
	}
	st, err := c.deps.Reconciliations.Statement(v.r.Context(), sc.MerchantID, day, version)
	if err != nil {
		return err
	}
	form, digest, contentType := "csv", st.CSVDigest, "text/csv; charset=utf-8"
	if strings.HasPrefix(v.r.PathValue("file"), "statement.xlsx") {
		form, digest, contentType = "xlsx", st.XLSXDigest, xlsxType
	}
	name := fmt.Sprintf("paymux-%s-%s-v%d.%s", day, st.MerchantID, version, form)
	switch v.r.PathValue("file") {
	case "statement." + form:
		return c.file(v, digest, name, contentType)
	case "statement." + form + ".sha256":
		attach(v.w, name+".sha256", "text/plain; charset=utf-8")
		_, err := fmt.Fprintf(v.w, "%s  %s\n", digest, name)
		return err
	default:
		return payment.ErrNotFound
	}
}

// billFile serves a channel's original as it came.
func (c *Console) billFile(v *visit) error {
	rec, err := c.deps.Reconciliations.Get(v.r.Context(), v.user.MerchantID, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	digest := v.r.PathValue("digest")
	at := slices.IndexFunc(rec.Bills, func(b reconcile.Bill) bool { return b.Digest == digest && digest != "" })
	if at < 0 {
		return payment.ErrNotFound
	}
	name := safeName(rec.Bills[at].Name)
	if name == "" {
		name = fmt.Sprintf("%s-%s-%s", rec.Channel, rec.Day, rec.Bills[at].Kind)
	}
	return c.file(v, digest, name, "application/octet-stream")
}

// file streams an archived file.
func (c *Console) file(v *visit, digest, name, contentType string) error {
	f, _, err := c.deps.Reconciliations.OpenFile(v.r.Context(), digest)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	// A large file takes longer than a page may.
	err = http.NewResponseController(v.w).SetWriteDeadline(c.deps.Now().Add(c.cfg.FileTimeout))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	attach(v.w, name, contentType)
	v.w.Header().Set("ETag", `"`+digest+`"`)
	http.ServeContent(v.w, v.r, "", time.Time{}, io.ReadSeeker(f))
	return nil
}

func attach(w http.ResponseWriter, name, contentType string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// safeName keeps of a channel's file name what is safe in a header and on every
// disk.
func safeName(name string) string {
	keep := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		default:
			return '_'
		}
	}
	name = strings.Trim(strings.Map(keep, name), "._")
	return name[:min(len(name), 100)]
}
