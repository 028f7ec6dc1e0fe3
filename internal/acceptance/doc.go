// Package acceptance holds tests of the built binary: they start `paymux serve`
// as an operator would, speak to it as a merchant, a payer and a channel, break
// what can break, and hold the gateway's answers against the simulators' books.
package acceptance
