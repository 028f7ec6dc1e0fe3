// Command testreport turns the output of `go test -json` back into go test's
// own report, and adds what that keeps to itself: each skipped test with its
// reason. It exits with 1 when a test or a build failed, or when the input
// breaks off.
//
//	go test -json ./... | testreport
package main
