// Package adaptertest is what the adapters' own tests have in common.
//
// Role: a sandbox of a test's own, messages recorded from real channels, keys
// and payers' codes. What a channel is held to is in package channeltest.
//
// Borders: it is imported by tests only. It is the one place of the channels
// that starts the sandbox; it shares no code between a channel and its
// simulator.
package adaptertest
