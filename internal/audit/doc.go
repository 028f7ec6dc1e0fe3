// Package audit is the trail of what people did: operator commands, staff's
// acts in the console, changes of rules. Entries are written in the transaction
// of what they describe where there is one, and are never changed or removed.
package audit
