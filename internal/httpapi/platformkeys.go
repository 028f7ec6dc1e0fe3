package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/paymux/paymux/signing"
)

// platformKeys publishes the live platform keys. It is signed once with each of
// them, so that whoever holds one can trust the next.
func (s *Server) platformKeys(w http.ResponseWriter, r *http.Request) {
	ring := s.deps.Ring()
	document, err := ring.Published()
	if err != nil {
		s.WriteError(w, r, err)
		return
	}
	a := &answer{header: w.Header()}
	WriteJSON(a, http.StatusOK, document)
	signed := a.body.Bytes()
	if r.Method == http.MethodHead {
		signed = nil
	}
	nonce := openNonce(r)
	if err := signing.SignAnswerWithAll(w.Header(), ring.All(), s.deps.Now(), nonce, http.StatusOK, signed); err != nil {
		s.WriteError(w, r, err)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(signed)
}

// maxOpenNonce bounds what is repeated of a request that nobody has signed.
const maxOpenNonce = 256

// openNonce is the request's header Paymux-Nonce, repeated as it is; empty where
// there is none, several, or one that is no short visible text.
func openNonce(r *http.Request) string {
	values := r.Header.Values(signing.HeaderNonce)
	if len(values) != 1 || len(values[0]) > maxOpenNonce || strings.ContainsFunc(values[0], func(c rune) bool { return c < ' ' || c > '~' }) {
		return ""
	}
	return values[0]
}
