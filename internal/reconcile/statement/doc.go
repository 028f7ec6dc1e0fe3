// Package statement writes a merchant's statement of a day as CSV and as an
// Excel workbook, for finance staff.
//
// Both are streamed: memory does not grow with the number of rows. The same
// input gives the same bytes, whenever and wherever it is written, so that a
// file's SHA-256 stands for its content. Amounts are written from integers.
// Nothing in a cell can become a formula.
//
// docs/statements.md lists the columns; they change only with a new version of
// the API.
package statement
