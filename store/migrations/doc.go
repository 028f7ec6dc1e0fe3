// Package migrations holds the schema's migrations, one folder per database.
// They go forward only: first what is new is added beside the old, and what is
// old is taken away once no running version needs it.
//
// A file that has been released is never changed. Numbers are the same in both
// folders. In MySQL's files utf8mb4_bin stands for the server's own binary
// collation without padding, and every statement can be repeated, since data
// definition commits by itself there.
package migrations
