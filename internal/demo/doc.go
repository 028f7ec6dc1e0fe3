// Package demo walks the whole closed loop against a running gateway and
// sandbox, as a merchant's backend and a payer would: only through the signed
// API, the sandbox's control calls and the webhooks that arrive. It shows each
// step as it happens and fails when one does not come out right.
package demo
