// Command paymux is the gateway, its sandbox and the tools of its operators in
// one binary. Results go to stdout, diagnostics to stderr; it exits with 0 when
// done, 1 when it failed and 2 when it was used wrongly.
package main
