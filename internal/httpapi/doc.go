// Package httpapi is the public HTTP API: it authenticates merchants, reads
// their requests strictly, calls the core through the ports that it declares
// (ports.go), and signs the answers.
//
// Order of what happens to a request below /v1, as the contract has it: request
// id, size of the body, Authorization header, timestamp, key, signature over
// the raw bytes, nonce, merchant, rate limit, and only then routing. Refusals
// before the signature held are unsigned; every answer after it is buffered,
// signed and sent in one piece, also 404, 405, 429 and 500. /v1/platform-keys
// and everything outside of /v1 goes to another router that reaches no
// merchant's data.
//
// Invariants kept here: the nonce of a request that changes something is in the
// database before the answer leaves, whatever the handler did; a client that
// goes away does not stop a change half-way; one table (codes.go) maps errors to
// answers, and what is not in it is a 500 that tells nothing; secrets, bodies
// and query strings stay out of logs.
//
// The full form of the API is openapi.yaml; tests hold the routes and the real
// answers against it.
package httpapi
