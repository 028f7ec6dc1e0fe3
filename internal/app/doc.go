// Package app wires the packages to a gateway: it opens an installation (its
// configuration, database and keys), holds the one map of channel factories,
// translates between the ports of packages that do not know each other, and runs
// the servers and background loops until they are told to stop.
//
// The embedded default lives here too: what `serve` is without a configuration.
package app
