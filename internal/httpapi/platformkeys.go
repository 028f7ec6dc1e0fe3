package httpapi

import (
	"net/http"
	"strconv"

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

// openNonce is the request's header Paymux-Nonce, where it is one well-formed
// value; else empty.
func openNonce(r *http.Request) string {
	values := r.Header.Values(signing.HeaderNonce)
	if len(values) != 1 || !signing.ValidNonce(values[0]) {
		return ""
	}
	return values[0]
}
