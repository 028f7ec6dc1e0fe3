// Package keyfile keeps the installation's master keys in a file: one key a
// line in base64, the first seals, all of them open. Empty lines and lines that
// begin with # are passed over.
//
// A [Box] follows its file, so that a command that puts a new key in has effect
// on a running gateway at once: before it seals it looks whether the file has
// changed, and a blob under a key that it does not know makes it read the file
// again.
//
// Invariants it keeps:
//   - a key is durable in the file before anything is sealed under it;
//   - the file is replaced whole, never written in place, and is of mode 0600;
//   - changes of the file come one after the other ([Lock]), so that no key is
//     lost that something is sealed under.
package keyfile
