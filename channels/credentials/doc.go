// Package credentials reads what an operator gives for an account at a channel.
//
// Role: what is alike for every adapter. Read takes the JSON strictly and
// reports all faults together, CheckAddress judges addresses of gateways,
// Duration reads lengths of time, and the rest reads RSA keys in the forms in
// which channels and their tools hand them out.
//
// Borders: which fields there are, and which values are good, is for the
// adapter to say. What channels send is not read here.
//
// Invariants:
//   - A fault names the channel and the field, and never quotes a value: it may
//     be a secret.
//   - A key of less than 2048 bits is refused.
package credentials
