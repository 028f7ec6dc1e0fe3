// Package texts checks and trims the short texts that pass between the gateway
// and a channel.
//
// Role: what every adapter does alike with identifiers, codes and the channel's
// own words: bound them, keep them free of control characters, hide what could
// be an account number.
//
// Borders: it knows no channel's protocol; which characters a channel replaces
// in a subject, and how long each text may be, is for its adapter to say.
package texts
