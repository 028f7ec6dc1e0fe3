// Package failpoint names the steps of the gateway between which a process may
// die, so that a test can let it die exactly there.
//
// A step is what lasts once it is done: a commit, a call to a channel, a webhook
// sent. [Before] and [After] stand on both sides of each. Without the build tag
// "failpoints" both are empty functions that the compiler leaves out. With the
// tag a process looks at the file that the variable FAILPOINTS_FILE names
// whenever it passes a step; where the file's spec names that side of that step,
// the process does what the spec says:
//
//	payment.insert:after=kill@1          SIGKILL to itself when it first passes
//	channel.pay:before=delay@2,300ms     wait when it passes for the second time
//	…#case 17                            a remark, which makes specs different
//
// Several processes may look at one file. Whoever acts first renames it to
// FILE.hit, so that one of them acts, once, and the test can be certain that the
// step was reached.
//
// [Steps] is the table of all steps; a test compares it with the source.
package failpoint
