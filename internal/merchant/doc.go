// Package merchant keeps merchants: their public keys and webhook secrets,
// their accounts at channels, and the platform's own keys.
//
// What it does:
//   - [Service] makes, shows and ends merchants, keys, secrets and accounts,
//     for the command line and the first start;
//   - it is the [signing.KeySource] of the API: each request's key is read from
//     the database, so that a revoked one stops at once on every replica;
//   - [Opener] gives the channel of an account to the core and the accounts of
//     a merchant to the router;
//   - [Service.RotateMasterKey] seals every secret of the installation again
//     under the current master key.
//
// Borders: the package knows no vendor and no SQL. What a channel's credentials
// must look like comes from the Validate function, how a channel is made from
// [Factories], and the database stands behind the ports of ports.go.
//
// Invariants it keeps:
//   - a channel identity is unique in the installation and never changes;
//     credentials are replaced, not the identity that they belong to;
//   - disabling a merchant or an account stops new payments only: what it is
//     needed for in flight stays readable and openable;
//   - one public key belongs to one merchant, as the signed text does not name
//     the merchant; a revoked key never becomes live again;
//   - private keys, webhook secrets and credentials are sealed before they reach
//     a port, each bound to its row, and no error, String method or log value of
//     the package shows them.
package merchant
