package sim

import "net/http"

// WithoutHead turns HEAD away, which ServeMux would take for GET: looking at a code changes the books, previewing an
// address must not.
func WithoutHead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.Header().Set("Allow", "GET, POST")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}
