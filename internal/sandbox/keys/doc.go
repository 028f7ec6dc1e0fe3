// Package keys makes, writes and reads the RSA keys and the certificates of simulated accounts, signs and verifies with
// keys (PKCS #1 v1.5, SHA-256), and makes random numbers and digests.
//
// Borders: knows no channel. Every key is made for the sandbox and guards nothing.
package keys
