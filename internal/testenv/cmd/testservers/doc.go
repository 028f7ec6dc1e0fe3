// Command testservers runs a command beside a MariaDB and a Redis of its own:
//
//	testservers go test ./...
//
// The command finds them through PAYMUX_TEST_MYSQL_DSN and
// PAYMUX_TEST_REDIS_ADDR, so that all test packages share them. Its exit code
// becomes ours, and signals are passed on to it. A server that isn't installed
// fails the run; with PAYMUX_TEST_PARTIAL=1 it is left out, said loudly.
package main
