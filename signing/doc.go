// Package signing holds every signature between paymux and a merchant, and
// the sealing of secrets at rest.
//
// What it does:
//   - the canonical texts of requests and answers ([RequestText], [AnswerText]);
//   - the Authorization header, read strictly ([ParseAuthorization]);
//   - RSA2 and Ed25519 behind [crypto.Signer], so that OpenSSL, a KMS or an HSM
//     can stand behind a key ([Sign], [Verify], [KeyRing]);
//   - the authentication of a request up to its signature ([Authenticator]) and
//     the signature of its answer ([SignAnswer]);
//   - a client that signs requests and verifies answers ([Client]);
//   - merchant webhooks after Standard Webhooks 1.0.0 ([WebhookSignature]);
//   - AES-256-GCM under a master key that can be rotated ([SecretBox]).
//
// Borders: the package imports no other package of this module, stores
// nothing, and reads the clock only through the functions given to it. The
// nonce's memory, the merchant's state, routing and HTTP statuses belong to
// the callers.
//
// Invariants it keeps:
//   - verification is over raw bytes, before anything parses them, and fails
//     closed: there is no null verifier and no option that skips a check;
//   - RSA keys below [MinRSABits] bits never sign and never verify;
//   - no error, String method or log value of this package shows a private key,
//     a webhook secret or a master key;
//   - an unknown key costs as much time as a wrong signature.
package signing
