package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/paymux/paymux/signing"
)

// answer holds an answer until it is signed.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	file   *File
}

func newAnswer() *answer { return &answer{header: make(http.Header)} }

// Header is the answer's header.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader sets the status, the first time.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write adds to the body.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *answer) reset() { *a = *newAnswer() }

// File is an answer that is too large to be signed as it stands: what is signed
// is its hash.
type File struct {
	Name        string // for Content-Disposition; letters, digits, dot, hyphen
	ContentType string
	SHA256      [sha256.Size]byte
	Size        int64
	Content     io.ReadCloser // closed by this package
}

// WriteFile answers an authenticated request with a file.
func WriteFile(w http.ResponseWriter, f File) error {
	a, ok := w.(*answer)
	if !ok {
		return errors.New("write file: only answers to authenticated requests can hold one")
	}
	a.header.Set("Content-Type", f.ContentType)
	a.header.Set("Content-Disposition", `attachment; filename="`+f.Name+`"`)
	a.WriteHeader(http.StatusOK)
	a.file = &f
	return nil
}

// send signs an answer and sends it. If it cannot be signed, the caller gets an
// unsigned 500, which says nothing of the order.
func (s *Server) send(w http.ResponseWriter, r *http.Request, a *answer, id signing.Identity) {
	defer s.closeFile(r, a)
	a.WriteHeader(http.StatusOK)
	head := r.Method == http.MethodHead
	signed, length := a.body.Bytes(), int64(a.body.Len())
	if a.file != nil {
		length = a.file.Size
		sum := hex.AppendEncode(nil, a.file.SHA256[:])
		signed = sum
		if !head {
			a.header.Set(signing.HeaderContentSHA256, string(sum))
		}
	}
	if head {
		signed = nil // what is signed is what the caller sees
	}
	sig, err := s.sign(id, a.status, signed)
	if err != nil {
		s.WriteError(w, r, err)
		return
	}
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	sig.SetHeaders(h)
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	w.WriteHeader(a.status)
	if head {
		return
	}
	// What fails here is the connection; the signature tells the caller that
	// the content is cut.
	if a.file != nil {
		s.allowTime(w, a.file.Size)
		_, _ = io.CopyN(w, a.file.Content, a.file.Size)
		return
	}
	_, _ = w.Write(signed)
}

// allowTime gives a connection as long as a file of a size may take. Where it
// cannot be told, the server's own limit stands.
func (s *Server) allowTime(w http.ResponseWriter, size int64) {
	most := s.cfg.WriteTimeout + time.Duration(size/s.cfg.FileRate)*time.Second
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(most)) //nolint:forbidigo // connections go by the system's clock
}

func (s *Server) sign(id signing.Identity, status int, body []byte) (signing.AnswerSignature, error) {
	alg := id.Merchant.AnswerAlgorithm
	if alg == "" {
		alg = signing.RSA2
	}
	key, err := s.deps.Ring().Current(alg)
	if err != nil {
		return signing.AnswerSignature{}, err
	}
	return signing.SignAnswer(key, s.deps.Now(), id.Authorization.Nonce, status, body)
}

func (s *Server) closeFile(r *http.Request, a *answer) {
	if a.file == nil || a.file.Content == nil {
		return
	}
	if err := a.file.Content.Close(); err != nil {
		s.deps.Logger.LogAttrs(r.Context(), slog.LevelWarn, "close a file that was sent",
			slog.String("request_id", RequestID(r.Context())), slog.Any("error", err))
	}
}
