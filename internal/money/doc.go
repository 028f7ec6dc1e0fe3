// Package money holds amounts of money as integers of a currency's minor unit.
//
// It imports nothing of ours, knows no floats and never rounds: an operation
// that cannot be exact is an error.
package money
