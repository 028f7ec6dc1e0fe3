// Package channeltest is the suite that every channel passes against its
// simulator, over real HTTP with real keys.
//
// Role: a channel's own test opens its account at a running sandbox and calls
// Run. Which cases run follows from the channel's Capabilities; a case that
// cannot run is skipped with its reason.
//
// What the suite holds a channel to is the contract of package channels: that
// success is never concluded from an answer that is not certain, that "nothing
// happened" is concluded only where the simulator's books agree, that what an
// answer says is handed on as it stands, and that no secret is ever in an error
// or a log. A bill has exactly what was done, and shows exactly what was
// falsified in it; what is damaged is refused.
//
// Borders: it is imported by tests only, and of ours it imports channels and
// money. It knows no channel's protocol: it speaks to the sandbox through the
// control API alone.
package channeltest
