// Package testenv gives tests the real servers that the gateway runs on.
//
// A test asks for what it needs and gets something of its own:
//
//   - [MySQL] creates a database that is dropped when the test ends, [Redis]
//     leases a database index that is flushed then. Both live on servers that
//     are shared: by all packages under `make test`, where the testservers
//     command starts them once and names them in PAYMUX_TEST_MYSQL_DSN and
//     PAYMUX_TEST_REDIS_ADDR; by the tests of one process when those
//     variables are absent.
//   - [StartMySQL] and [StartRedis] start a server that belongs to one test,
//     which may stop, kill and start it again on the same port.
//   - [Proxy] stands between a client and a server and cuts the connection.
//   - [Vectors] finds the folder of messages recorded from real channels.
//
// Where MariaDB or Redis isn't installed the test fails and says what to
// install; with PAYMUX_TEST_PARTIAL=1 it is skipped instead.
//
// The package is imported by tests only.
package testenv
