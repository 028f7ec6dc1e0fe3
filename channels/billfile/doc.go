// Package billfile is what adapters have in common when they fetch and read
// bills: which links may be followed, how large a file may be, and how lines,
// cells and numbers of a text are read.
//
// Role: the parts that belong to no channel's format. It knows no headings and
// no vendor.
//
// Invariants:
//   - Nothing that is read is held in memory but one line of bounded length.
//   - Numbers are exact: integers of a stated number of decimal places, never
//     floats; sums that leave 64 bits are noticed.
//   - A failure to read the original is told apart from an original that is
//     broken.
package billfile
