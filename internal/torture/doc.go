// Package torture proves that no order is charged twice and no payment is lost
// while everything around the gateway fails.
//
// A run drives the built binary as merchants, payers and an operator's worst
// day would. Merchants create, repeat, close, refund and query orders in every
// scene of every channel that is offered; payers pay, cancel and pay late. An
// adversary kills gateways with SIGKILL and starts them again, makes channels
// fail before and after effects, drops, duplicates, delays, shuffles and forges
// callbacks, cuts the database and Redis off, and lets the merchants' receiver
// of webhooks fail, hang and die. Then the faults end, and [Check] holds the
// simulators' own books against what the gateway says and has said.
//
// The plan of a run comes from its seed: which orders there are, what their
// merchants and payers do and what fails when. The machine's timing decides how
// the two meet, so a seed repeats a run's plan, not its every instant.
//
// Beside this random run [RunCases] tries a table: a process's death on either
// side of every step that a build with failpoints knows, with every outcome of
// the channel. And [Provoke] holds the proof itself to account: on a gateway
// with one invariant broken its sequences must make the checker find something.
//
// The package knows the gateway by its public contract: of this module it
// imports nothing but the signatures and the names of the failpoints. Clocks and
// processes are real.
package torture
