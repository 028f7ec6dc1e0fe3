// Package servers runs private MariaDB and Redis processes in temporary
// folders, on loopback ports, for tests.
//
// Nothing outlives its owner: each server has a janitor, a small shell process
// that holds the read end of a pipe whose write end is ours. When we end, in
// whatever way, the pipe closes and the janitor kills the server and removes
// its folder. This works after SIGKILL too, and without the parent-death
// signals that only Linux has.
package servers
