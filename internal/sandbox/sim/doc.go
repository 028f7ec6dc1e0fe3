// Package sim is the border between the sandbox's framework and the simulators of single channels: what a simulator
// offers, what it is given, and the words they share.
//
// A new simulator implements Simulator and is named in the sandbox's list; control API, books, faults, callbacks, payer
// pages, clock and listeners come from the framework, and what all channels do alike from package parts.
package sim
